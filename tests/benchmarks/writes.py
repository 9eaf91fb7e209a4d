"""Single-row writes of 16 threads, each waiting for its own: through the queue, and directly side by side.

All at the same durability (WAL, synchronous=NORMAL). Run as a program, it measures one way once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlite_recovery_tui.sqlite.production import connect, connect_apsw, writing
from sqlite_recovery_tui.sqlite.write_queue import WriteQueue

THREADS = 16
SECONDS = 5.0
_INSERT = "INSERT INTO entry (thread, body) VALUES (?, ?)"
_BODY = "x" * 100
WAYS = ("queue, standard library", "queue, apsw", "directly, busy_timeout 5 s")


@dataclass(frozen=True)
class Rate:
    """One run: committed writes in a second, milliseconds that a write took, and what failed."""

    per_second: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    failed: int


@dataclass
class Writes:
    """All runs of each way."""

    rates: dict[str, list[Rate]] = field(default_factory=lambda: {way: [] for way in WAYS})

    @property
    def failed(self) -> bool:
        """Whether the queue failed a write; direct writers may run into their time-out."""
        return any(rate.failed for way in WAYS[:2] for rate in self.rates[way])

    def table(self) -> str:
        """Return medians as text, and how many times as fast each way is as the direct one."""
        naive = median(rate.per_second for rate in self.rates[WAYS[-1]])
        lines = [f"single-row writes of {THREADS} threads, synchronous=NORMAL"]
        for way, rates in self.rates.items():
            speed = median(rate.per_second for rate in rates)
            p50, p99 = median(rate.p50_ms for rate in rates), median(rate.p99_ms for rate in rates)
            longest = max(rate.longest_ms for rate in rates)
            lines.append(
                f"  {way:<28} {speed:8.0f}/s  {speed / naive:5.1f}x  p50 {p50:.2f} ms  p99 {p99:.1f} ms"
                f"  longest {longest:.0f} ms  failed {sum(rate.failed for rate in rates)}"
            )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "title": "writes of one process",
            "rates": {way: [vars(rate) for rate in rates] for way, rates in self.rates.items()},
        }


def writes(runs: int) -> Writes:
    """Measure all ways in turn, each run in a process and a database of its own."""
    tree = Path(__file__).resolve().parents[2]
    found = Writes()
    for _ in range(runs):
        for way in WAYS:
            command = [sys.executable, "-m", "tests.benchmarks.writes", way]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=tree)
            found.rates[way].append(Rate(**json.loads(answer.stdout)))
    return found


def measure(way: str, seconds: float = SECONDS) -> Rate:
    """Measure one way once, in a new database; raise AssertionError when a write is not there."""
    with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as folder:
        path = Path(folder) / "app.db"
        with closing(connect(path)) as connection:
            connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, thread, body)")
        took: list[float] = []
        failed: list[Exception] = []
        began = time.perf_counter()
        with _writer(way, path) as make:
            threads = [
                threading.Thread(target=_work, args=(make, number, began + seconds, took, failed))
                for number in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        elapsed = time.perf_counter() - began
        with closing(connect(path)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM entry").fetchone()
        if count != len(took):
            raise AssertionError(f"{len(took)} writes were told to be done, {count} are there")
    took.sort()
    return Rate(
        len(took) / elapsed,
        took[len(took) // 2] * 1000,
        took[len(took) * 99 // 100] * 1000,
        took[-1] * 1000,
        len(failed),
    )


def _work(
    make: Callable[[], Callable[[int], None]],
    number: int,
    until: float,
    took: list[float],
    failed: list[Exception],
) -> None:
    write = make()
    mine = []
    while (began := time.perf_counter()) < until:
        try:
            write(number)
        except Exception as error:  # each library has its own
            failed.append(error)
            continue
        mine.append(time.perf_counter() - began)
    took.extend(mine)


@contextmanager
def _writer(way: str, path: Path) -> Iterator[Callable[[], Callable[[int], None]]]:
    """Give what makes, for each thread, the function that writes one row and returns once it is committed."""
    if way == WAYS[-1]:
        yield partial(_directly, path)
        return
    opener = (
        partial(connect, path, check_same_thread=False) if way == WAYS[0] else partial(connect_apsw, path)
    )
    with WriteQueue(opener) as queue:
        yield lambda: lambda number: queue.submit(partial(_insert, number)).result()


def _insert(number: int, connection: Any) -> None:
    connection.execute(_INSERT, (number, _BODY))


def _directly(path: Path) -> Callable[[int], None]:
    connection = connect(path, isolation_level=None)

    def write(number: int) -> None:
        with writing(connection):
            connection.execute(_INSERT, (number, _BODY))

    return write


if __name__ == "__main__":
    print(json.dumps(vars(measure(sys.argv[1]))))
