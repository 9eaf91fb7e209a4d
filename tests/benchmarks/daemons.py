"""The daemons that are compared, each as a process beside a database, and the places they replicate to."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.tasks import litestream

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_END_SECONDS = 60.0
_SAMPLE_SECONDS = 0.25
OURS = [sys.executable, "-m", "sqlite_recovery_tui"]


def daemons() -> Mapping[str, Sequence[str]]:
    """Return the program of each, by name; the first is none at all."""
    theirs = {f"litestream {each}": [litestream(each)] for each in ("0.3.13", "0.5.17")}
    return {"none": [], "sqlrecover": OURS, **theirs}


@dataclass(frozen=True)
class Destination:
    """Where replicas go: files, or a bucket that a server keeps as files."""

    label: str = "files"
    served: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def configure(self, folder: Path, database: Path) -> tuple[Path, Path]:
        """Write a configuration; return it, and the folder in which the replica's objects come to lie."""
        replica = self.served / folder.name if self.served else folder / "replica"
        settings = {**self.settings, "path": folder.name if self.served else str(replica)}
        lines = "\n".join(f"        {name}: {value}" for name, value in settings.items())
        config = folder / "config.yml"
        config.write_text(f"dbs:\n  - path: {database}\n    replicas:\n      - name: bench\n{lines}\n")
        return config, replica


@contextmanager
def on_s3(folder: Path) -> Iterator[Destination]:
    """Serve a bucket by `rclone serve s3` for as long as the context lasts."""
    from tests.support.servers import rclone_s3

    with rclone_s3(folder) as server:
        settings = {
            "type": "s3",
            "bucket": server.make_bucket("bucket"),
            "endpoint": server.endpoint,
            "region": server.region,
            "force-path-style": "true",
            "access-key-id": server.access_key,
            "secret-access-key": server.secret_key,
        }
        yield Destination("S3 (rclone)", folder / "bucket", settings)


def _environ(config: Path) -> dict[str, str]:
    # Litestream 0.5 cannot start with a certificate bundle of AWS in its environment.
    own = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    return {**own, "XDG_STATE_HOME": str(config.with_name("state")), "PYTHONPATH": str(ROOT)}


class DaemonProcess:
    """A daemon, what it has used so far, and the most that lay beside the database."""

    def __init__(self, program: Sequence[str], config: Path) -> None:
        """Start it with a configuration."""
        command = [*program, "replicate", "-config", str(config)]
        self._log = config.with_name("log").open("wb")
        self._process = subprocess.Popen(command, env=_environ(config), stdout=self._log, stderr=self._log)

    def used(self) -> tuple[float, int]:
        """Return CPU seconds and the peak of its memory in bytes."""
        place = Path(f"/proc/{self._process.pid}")
        fields = (place / "stat").read_text().rpartition(")")[2].split()
        status = (place / "status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return (int(fields[11]) + int(fields[12])) / _TICKS, int(peak.split()[1]) << 10

    def end(self) -> int:
        """Have it end as a service does; return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_END_SECONDS)

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()
        self._process.wait()
        self._log.close()


class Beside:
    """Samples how much lies beside a database: its log, and what a daemon keeps until it is shipped."""

    def __init__(self, database: Path) -> None:
        """Begin."""
        self.most_bytes = 0
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Return the most bytes there were."""
        self._stop.set()
        self._thread.join()
        return self.most_bytes

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self.most_bytes = max(self.most_bytes, sum(map(_size, self._files())))

    def _files(self) -> Iterator[Path]:
        yield Path(f"{self._database}-wal")
        for folder in self._database.parent.glob(f".{self._database.name}-*"):
            yield from folder.rglob("*")


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def make_database(path: Path) -> Path:
    """Make a database with an empty table in WAL mode."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
        connection.commit()
    return path


def load_command(database: Path, seconds: float, rate: float, rows: int = 1) -> list[str]:
    """Return the command line of an application that writes; see `load`."""
    return [sys.executable, "-m", "tests.benchmarks.load", str(database), str(seconds), str(rate), str(rows)]


def restored_rows(program: Sequence[str], config: Path, database: Path) -> int:
    """Return how many rows the replica restores."""
    output = config.with_name("restored.db")
    words = [*program, "restore", "-config", str(config), "-o", str(output), str(database)]
    subprocess.run(words, check=True, capture_output=True, cwd=ROOT, env=_environ(config))
    with closing(sqlite3.connect(output)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM t").fetchone()
    return int(found)
