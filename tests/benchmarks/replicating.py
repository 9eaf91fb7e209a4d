"""Replication beside a writer: what it costs the writer and the machine, and how soon a commit is durable."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.arrivals import at_part, lags, most_behind, objects
from tests.benchmarks.daemons import (
    ROOT,
    Beside,
    DaemonProcess,
    Destination,
    daemons,
    load_command,
    make_database,
    on_s3,
    restored_rows,
)

START_SECONDS = 3.0
IDLE_DATABASES = 50


@dataclass(frozen=True)
class Load:
    """What an application does: so many commits a second (0: as many as can be), of so many rows each."""

    title: str
    commits_per_second: float
    rows: int = 1


STEADY, FULL_SPEED = Load("100 commits a second", 100.0), Load("as fast as it can", 0.0)
SUSTAINED = Load("10,000 rows a second, ten to a commit", 1000.0, 10)


@dataclass(frozen=True)
class Run:
    """What one daemon did beside one writer."""

    commits_per_second: float
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    lag_p50: float | None = None
    lag_p99: float | None = None
    behind_commits: int = 0
    """The most that were not at the replica at any moment."""
    beside_bytes: int = 0
    """The most that lay beside the database: its log, and what waits for the replica."""
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
                behind, beside = _median(runs, "behind_commits"), _median(runs, "beside_bytes") or 0
                line += f"  lag p50 {p50:.2f} s, p99 {p99:.2f} s, at most {behind:,.0f} commits behind"
                line += f", {beside / 1e6:.0f} MB beside it  {runs[-1].objects} objects"
            lines.append(line)
        lines += [f"  {name:<18} failed: {why}" for name, why in self.failures.items()]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        runs = {name: [asdict(run) for run in found] for name, found in self.runs.items()}
        return {"title": self.title, "runs": runs, "failures": self.failures}


def replication(runs: int, seconds: float = 10.0) -> Iterator[Replication]:
    """Measure a writer of 100 commits a second and one at full speed, to files and S3; databases at rest."""
    for load in (STEADY, FULL_SPEED):
        yield beside(load, Destination(), runs, seconds)
    with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as text, on_s3(Path(text)) as bucket:
        for load in (STEADY, FULL_SPEED):
            yield beside(load, bucket, runs, seconds)
    yield _idle(seconds)


def sustained(runs: int, seconds: float = 60.0) -> Replication:
    """Measure what must be kept up for long: the backlog stays within bounds."""
    return beside(SUSTAINED, Destination(), runs, seconds)


def beside(load: Load, destination: Destination, runs: int, seconds: float) -> Replication:
    """Measure every daemon beside an application, in turn."""
    outcome = Replication(f"replicate to {destination.label} beside a writer: {load.title}, {seconds:.0f} s")
    for _ in range(runs):
        for name, program in daemons().items():
            with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as folder:
                try:
                    run = _measured(program, Path(folder), load, destination, seconds)
                    outcome.runs.setdefault(name, []).append(run)
                except (RuntimeError, subprocess.SubprocessError) as error:
                    outcome.failures[name] = str(error)
    return outcome


def _measured(
    program: Sequence[str], folder: Path, load: Load, destination: Destination, seconds: float
) -> Run:
    database = make_database(folder / "app.db")
    words = load_command(database, seconds, load.commits_per_second, load.rows)
    if not program:
        return Run(_rate(_written(words)))
    config, replica = destination.configure(folder, database)
    daemon = DaemonProcess(program, config)
    try:
        time.sleep(START_SECONDS)
        watched = Beside(database)
        times = _written(words)
        most = watched.end()
        time.sleep(START_SECONDS)
        cpu, peak = daemon.used()
        daemon.end()
    finally:
        daemon.kill()
    found = restored_rows(program, config, database)
    if found != len(times) * load.rows:
        raise RuntimeError(f"{found} rows were restored, {len(times) * load.rows} were committed")
    waited = sorted(lags(replica, times))
    p50, p99 = at_part(waited, 0.5), at_part(waited, 0.99)
    return Run(_rate(times), cpu, peak, p50, p99, most_behind(replica, times), most, objects(replica))


def _written(words: Sequence[str]) -> list[float]:
    """Run an application to its end; return when it committed."""
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    times: list[float] = json.loads(answer.stdout)
    return times


def _rate(times: Sequence[float]) -> float:
    return len(times) / (times[-1] - times[0])


def _idle(seconds: float) -> Replication:
    """Measure daemons of databases that nobody writes to."""
    outcome = Replication(f"{IDLE_DATABASES} databases at rest, CPU of a minute (of {seconds:.0f} s)")
    for name, program in daemons().items():
        if not program:
            continue
        with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as text:
            folder = Path(text)
            lines = ["dbs:"]
            for number in range(IDLE_DATABASES):
                database = make_database(folder / f"{number}.db")
                lines += [f"  - path: {database}", f"    replicas: [{{path: {folder / 'replica'}/{number}}}]"]
            (folder / "config.yml").write_text("\n".join(lines) + "\n")
            daemon = DaemonProcess(program, folder / "config.yml")
            try:
                time.sleep(3 * START_SECONDS)
                before, _ = daemon.used()
                time.sleep(seconds)
                after, peak = daemon.used()
                daemon.end()
            finally:
                daemon.kill()
            outcome.runs[name] = [Run(0.0, (after - before) * 60 / seconds, peak)]
    return outcome


def _median(runs: Sequence[Run], name: str) -> float | None:
    found = [value for run in runs if (value := getattr(run, name)) is not None]
    return statistics.median(found) if found else None
