"""A daemon told to end while an application writes at full speed: how long it takes, and what is missing."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.daemons import (
    ROOT,
    DaemonProcess,
    Destination,
    daemons,
    load_command,
    make_database,
    restored_rows,
)
from tests.benchmarks.replicating import FULL_SPEED, START_SECONDS


@dataclass(frozen=True)
class Ending:
    """How one daemon ended once."""

    seconds: float
    exit_code: int
    committed: int
    """Before the signal."""
    missing: int
    """Of these, in what is restored afterwards."""


@dataclass
class Endings:
    """All daemons."""

    title: str
    endings: dict[str, list[Ending]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        ours = self.endings.get("sqlrecover", [])
        return "sqlrecover" in self.failures or any(each.missing or each.exit_code for each in ours)

    def table(self) -> str:
        """Return medians as text, and all that is missing."""
        lines = [self.title]
        for name, found in self.endings.items():
            seconds = statistics.median(each.seconds for each in found)
            codes = ", ".join(str(code) for code in sorted({each.exit_code for each in found}))
            missing, committed = (sum(getattr(each, part) for each in found) for part in _PARTS)
            lines.append(
                f"  {name:<18} {seconds:6.2f} s  exit code {codes}"
                f"  {missing:,} of {committed:,} commits before the signal are missing"
            )
        lines += [f"  {name:<18} failed: {why}" for name, why in self.failures.items()]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        endings = {name: [asdict(each) for each in found] for name, found in self.endings.items()}
        return {"title": self.title, "endings": endings, "failures": self.failures}


_PARTS = ("missing", "committed")


def ending(runs: int, seconds: float = 5.0) -> Endings:
    """Send SIGTERM to every daemon, in turn, after so many seconds of writing."""
    outcome = Endings(f"SIGTERM while a writer goes on as fast as it can, after {seconds:.0f} s of that")
    for _ in range(runs):
        for name, program in daemons().items():
            if not program:
                continue
            with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as folder:
                try:
                    outcome.endings.setdefault(name, []).append(_ended(program, Path(folder), seconds))
                except (RuntimeError, subprocess.SubprocessError) as error:
                    outcome.failures[name] = str(error)
    return outcome


def _ended(program: Sequence[str], folder: Path, seconds: float) -> Ending:
    database = make_database(folder / "app.db")
    config, _ = Destination().configure(folder, database)
    daemon = DaemonProcess(program, config)
    try:
        time.sleep(START_SECONDS)
        words = load_command(database, 2 * seconds, FULL_SPEED.commits_per_second)
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as application:
            time.sleep(seconds)
            signalled = time.time()
            code = daemon.end()
            took = time.time() - signalled
            said, _ = application.communicate()
    finally:
        daemon.kill()
    committed = bisect_right(json.loads(said), signalled)
    found = restored_rows(program, config, database)
    return Ending(took, code, committed, max(committed - found, 0))
