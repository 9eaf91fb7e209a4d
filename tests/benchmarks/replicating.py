"""Replication beside a writer: what it costs the writer and the machine, and how soon a commit is durable."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import lz4.frame

from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header
from sqlite_recovery_tui.formats.wal import parse_header as parse_wal_header
from tests.benchmarks.tasks import litestream

_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 3.0
_END_SECONDS = 60.0
_OURS = [sys.executable, "-m", "sqlite_recovery_tui", "replicate"]
IDLE_DATABASES = 50


@dataclass(frozen=True)
class Run:
    """What one daemon did beside one writer."""

    commits_per_second: float
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    lag_p50: float | None = None
    lag_p99: float | None = None
    objects: int = 0


@dataclass
class Replication:
    """All daemons beside the same load."""

    title: str
    runs: dict[str, list[Run]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return bool(self.failures)

    def table(self) -> str:
        """Return medians as text; the rate as a part of that without any daemon."""
        alone = _median(self.runs.get("none", []), "commits_per_second") or 1.0
        lines = [self.title]
        for name, runs in self.runs.items():
            rate = _median(runs, "commits_per_second") or 0.0
            line = f"  {name:<18} {rate:8.0f} tx/s {rate / alone:5.2f}x"
            peak = max(run.peak_bytes for run in runs)
            line += f"  cpu {_median(runs, 'cpu_seconds'):6.2f} s  {peak / 1e6:4.0f} MB"
            p50, p99 = _median(runs, "lag_p50"), _median(runs, "lag_p99")
            if p50 is not None and p99 is not None:
                line += f"  lag p50 {p50:.2f} s, p99 {p99:.2f} s  {runs[-1].objects} objects"
            lines.append(line)
        lines += [f"  {name:<18} failed: {why}" for name, why in self.failures.items()]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        runs = {name: [asdict(run) for run in found] for name, found in self.runs.items()}
        return {"title": self.title, "runs": runs, "failures": self.failures}


def replication(runs: int, seconds: float = 10.0) -> Iterator[Replication]:
    """Measure a writer of 100 commits a second, one at full speed, and databases at rest."""
    for title, rate in (("100 commits a second", 100.0), ("as fast as it can", 0.0)):
        outcome = Replication(f"replicate to files beside a writer: {title}, {seconds:.0f} s")
        for _ in range(runs):
            for name, command in _daemons().items():
                with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as folder:
                    _measure(outcome, name, command, Path(folder), seconds, rate)
        yield outcome
    yield _idle(seconds)


def _daemons() -> Mapping[str, Sequence[str]]:
    theirs = {f"litestream {each}": [litestream(each), "replicate"] for each in ("0.3.13", "0.5.17")}
    return {"none": [], "sqlrecover": _OURS, **theirs}


def _measure(
    outcome: Replication, name: str, command: Sequence[str], folder: Path, seconds: float, rate: float
) -> None:
    database, replica = _database(folder / "app.db"), folder / "replica"
    daemon = _Process([*command, str(database), replica.as_uri()], folder) if command else None
    try:
        time.sleep(_START_SECONDS if daemon else 0)
        load = [sys.executable, "-m", "tests.benchmarks.load", str(database), str(seconds), str(rate)]
        answer = subprocess.run(load, cwd=_ROOT, capture_output=True, text=True, check=True)
        times = json.loads(answer.stdout)
        found = Run(len(times) / (times[-1] - times[0]))
        if daemon:
            time.sleep(_START_SECONDS)
            cpu, peak = daemon.used()
            daemon.end()
            lags = sorted(_lags(replica, times))
            _check(command, replica, folder / "restored.db", len(times))
            found = Run(
                found.commits_per_second, cpu, peak, _at(lags, 0.5), _at(lags, 0.99), _objects(replica)
            )
        outcome.runs.setdefault(name, []).append(found)
    except (RuntimeError, subprocess.SubprocessError) as error:
        outcome.failures[name] = str(error)
    finally:
        if daemon:
            daemon.kill()


def _idle(seconds: float) -> Replication:
    """Measure daemons of databases that nobody writes to."""
    outcome = Replication(f"{IDLE_DATABASES} databases at rest, CPU of a minute (of {seconds:.0f} s)")
    for name, command in _daemons().items():
        if not command:
            continue
        with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as text:
            folder = Path(text)
            lines = ["dbs:"]
            for number in range(IDLE_DATABASES):
                database = _database(folder / f"{number}.db")
                lines += [f"  - path: {database}", f"    replicas: [{{path: {folder / 'replica'}/{number}}}]"]
            (folder / "config.yml").write_text("\n".join(lines) + "\n")
            daemon = _Process([*command, "-config", str(folder / "config.yml")], folder)
            time.sleep(3 * _START_SECONDS)
            before, _ = daemon.used()
            time.sleep(seconds)
            after, peak = daemon.used()
            daemon.end()
            outcome.runs[name] = [Run(0.0, (after - before) * 60 / seconds, peak)]
    return outcome


class _Process:
    """A daemon, and what it has used so far."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(_ROOT)}
        environ.pop("AWS_CA_BUNDLE", None)
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(command, env=environ, stdout=self._log, stderr=self._log)

    def used(self) -> tuple[float, int]:
        """Return CPU seconds and the peak of its memory in bytes."""
        place = Path(f"/proc/{self._process.pid}")
        fields = (place / "stat").read_text().rpartition(")")[2].split()
        status = (place / "status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return (int(fields[11]) + int(fields[12])) / _TICKS, int(peak.split()[1]) << 10

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_END_SECONDS)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def _database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
        connection.commit()
    return path


def _check(command: Sequence[str], replica: Path, output: Path, rows: int) -> None:
    """Raise `RuntimeError` unless the replica restores every row."""
    words = [*command[:-1], "restore", "-o", str(output), replica.as_uri()]
    subprocess.run(words, check=True, capture_output=True, cwd=_ROOT)
    with closing(sqlite3.connect(output)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM t").fetchone()
    if found != rows:
        raise RuntimeError(f"{found} rows were restored, {rows} were committed")


def _lags(replica: Path, times: Sequence[float]) -> Iterator[float]:
    """Yield for each commit how long it took until an object was there that has it."""
    covered = 0
    for arrived, until in _arrivals(replica, times):
        for at in times[covered:until]:
            yield max(arrived - at, 0.0)
        covered = max(covered, until)


def _arrivals(replica: Path, times: Sequence[float]) -> Iterator[tuple[float, int]]:
    """Yield when each object came, and how many commits are in the replica from then on."""
    segments = sorted(replica.rglob("*.wal.lz4"), key=lambda path: (path.stat().st_mtime, path.name))
    commits = [_commits(path) for path in segments]
    before = sum(commits) - len(
        times
    )  # what a daemon commits itself comes at its beginning, nearly all of it
    for path, number in zip(segments, commits, strict=True):
        before += number
        yield path.stat().st_mtime, max(before, 0)
    files = sorted(replica.glob("ltx/0/*.ltx"), key=lambda path: path.name)
    for path in files:
        made = Header.parse(path.read_bytes()[:HEADER_SIZE]).timestamp_ms / 1000
        yield path.stat().st_mtime, sum(at <= made for at in times)


def _commits(path: Path) -> int:
    data = lz4.frame.decompress(path.read_bytes())
    at = 32 if data[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83") else 0
    size = parse_wal_header(data[:32]).page_size if at else 4096
    return sum(data[frame + 4 : frame + 8] != bytes(4) for frame in range(at, len(data), 24 + size))


def _objects(replica: Path) -> int:
    return sum(path.is_file() for path in replica.rglob("*"))


def _at(ordered: Sequence[float], part: float) -> float | None:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else None


def _median(runs: Sequence[Run], name: str) -> float | None:
    found = [value for run in runs if (value := getattr(run, name)) is not None]
    return statistics.median(found) if found else None
