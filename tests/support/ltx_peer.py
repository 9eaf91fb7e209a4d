"""A real Litestream at work for a test: a database, the replica it writes, and the truth about each moment.

The test commits, and has each commit stored by `replicate -once`, which ends when that is done. `running`
has the daemon compact; what it has done is read from its log as it happens.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.support.litestream import Version, litestream
from tests.support.ltx_daemon import PATIENCE, Daemon, running
from tests.support.servers import S3Server

_NAME = re.compile(r"^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$")
_COMPACTED = re.compile(r'msg="compaction complete".* level=(\d+) .*txid\.max=([0-9a-f]{16})')
_SNAPSHOT = re.compile(r'msg="snapshot complete".* txid=([0-9a-f]{16})')


@dataclass(frozen=True)
class Place:
    """Where a replica lies: as Litestream's configuration has it, and as URLs of both programs."""

    settings: Mapping[str, Any]
    url: str
    environ: Mapping[str, str] = field(default_factory=dict)


def on_files(folder: Path) -> Place:
    """Return the place of a file replica."""
    return Place({"type": "file", "path": str(folder)}, folder.as_uri())


def on_s3(server: S3Server, bucket: str, path: str) -> Place:
    """Return the place `path` in a bucket, which is made."""
    server.make_bucket(bucket)
    settings = {
        "type": "s3",
        "bucket": bucket,
        "path": path,
        "endpoint": server.endpoint,
        "region": server.region,
        "force-path-style": True,
    }
    query = f"endpoint={server.endpoint}&region={server.region}&forcePathStyle=true"
    return Place(settings, f"s3://{bucket}/{path}?{query}", server.environ)


@dataclass(frozen=True)
class Moment:
    """A moment at which all that had been committed was stored, and nothing else happened."""

    label: str
    txid: int
    time: datetime
    """After the storing of this state, before anything later."""
    content: bytes
    """The database file as it would be after a checkpoint."""

    @property
    def timestamp(self) -> str:
        """The time as `-timestamp` takes it."""
        return self.time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _progress(line: str) -> tuple[str, int] | None:
    """Read from a line of the daemon's log which TXID a level has reached."""
    if match := _COMPACTED.search(line):
        return f"level {match[1]}", int(match[2], 16)
    if match := _SNAPSHOT.search(line):
        return "level 9", int(match[1], 16)
    return None


class LtxPeer:
    """Owns a database and has Litestream write its replica; use as a context manager."""

    def __init__(
        self,
        folder: Path,
        place: Place,
        *,
        version: Version = "0.5.17",
        page_size: int = 4096,
        levels: Sequence[str] = ("100ms", "100ms"),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.place = place
        self.version: Version = version
        self.page_size = page_size
        self.database = folder / "app.db"
        self.config = folder / "litestream.yml"
        self.moments: list[Moment] = []
        self._binary = litestream(version)
        self._levels = len(levels)
        self.config.write_text(self._configuration(levels, settings or {}))
        self.connection = sqlite3.connect(self.database, isolation_level=None)
        for pragma in (
            f"page_size={page_size}",
            "journal_mode=WAL",
            "wal_autocheckpoint=0",
            "synchronous=OFF",
        ):
            self.connection.execute(f"PRAGMA {pragma}")

    def _configuration(self, levels: Sequence[str], settings: Mapping[str, Any]) -> str:
        database = {
            "path": str(self.database),
            "monitor-interval": "10ms",
            "min-checkpoint-page-count": 1_000_000,  # it would write to the database behind the test's back
            "checkpoint-interval": "24h",
            "replica": {**self.place.settings, "sync-interval": "10ms"},
        }
        whole = {
            "levels": [{"interval": each} for each in levels],
            "snapshot": {"interval": "24h", "retention": "48h"},
            "l0-retention": "50ms",
            "l0-retention-check-interval": "50ms",
            **settings,
            "dbs": [database],
        }
        return yaml.safe_dump(whole, sort_keys=False)

    def __enter__(self) -> LtxPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @property
    def environ(self) -> dict[str, str]:
        """What a program needs to reach the replica."""
        return {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            **self.place.environ,
        }

    @property
    def states(self) -> dict[int, bytes]:
        """The database after each TXID that a moment was recorded of."""
        return {moment.txid: moment.content for moment in self.moments}

    @property
    def txid(self) -> int:
        """The TXID of the newest file that Litestream made."""
        folder = self.database.with_name(f".{self.database.name}-litestream") / "ltx" / "0"
        found = [match[2] for name in os.listdir(folder) if (match := _NAME.match(name))]
        return int(max(found), 16)

    def content(self) -> bytes:
        """Return the database file as it would be after a checkpoint."""
        return self.connection.serialize()

    def commit(self, *statements: str) -> None:
        """Carry out statements as one transaction."""
        for statement in ("BEGIN", *statements, "COMMIT"):
            self.connection.execute(statement)

    def sync(self, label: str = "", *, snapshot: bool = False) -> Moment:
        """Have everything stored, on request with a snapshot; note the moment."""
        self.store(snapshot=snapshot)
        return self.record(label)

    def store(self, *, snapshot: bool = False, enforce_retention: bool = False) -> None:
        """Have everything stored, on request with a snapshot; return when that is done."""
        wishes = {"-force-snapshot": snapshot, "-enforce-retention": enforce_retention}
        words = ["-once", *(word for word, wished in wishes.items() if wished)]
        done = subprocess.run(
            [self._binary, "replicate", *words, "-config", self.config],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"litestream replicate: {done.stdout}{done.stderr}")

    def record(self, label: str) -> Moment:
        """Note the present moment as a quiet one, and let the clock go on."""
        moment = Moment(label or f"t{len(self.moments)}", self.txid, datetime.now(UTC), self.content())
        let_pass(moment.time, self.config.parent)
        self.moments.append(moment)
        return moment

    def running(self) -> AbstractContextManager[Daemon]:
        """Run the daemon until the end of the block, which it leaves in order."""
        words = [self._binary, "replicate", "-config", self.config]
        return running(words, self.environ, _progress)

    def compact(self, *statements: Sequence[str]) -> None:
        """Have the daemon store and compact each transaction, and all levels reach the last one.

        The daemon takes one snapshot as it starts, which is awaited: 0.5.8 puts into a snapshot what is
        committed while it takes it, under the TXID from before.
        """
        with self.running() as daemon:
            for number, transaction in enumerate(statements):
                following = self.txid + 1
                self.commit(*transaction)
                for level in (1,) if number else (1, 9):
                    daemon.wait_for(f"level {level}", following)
                self.record("")
            for level in range(1, self._levels + 1):
                daemon.wait_for(f"level {level}", self.txid)


def let_pass(moment: datetime, folder: Path) -> None:
    """Return when objects stored from now on are dated later: files by the kernel, others in milliseconds."""
    tick = folder / ".tick"
    following = int(moment.timestamp() * 1000) + 1
    while tick.touch() or tick.stat().st_mtime_ns < following * 1_000_000:
        pass
    tick.unlink()


def litestream_restores(
    output: Path, *words: str | Path, environ: Mapping[str, str] | None = None, version: Version = "0.5.17"
) -> bytes | None:
    """Return the database that `litestream restore` makes of `words`; None when it refuses."""
    done = subprocess.run(
        [litestream(version), "restore", "-o", output, *words],
        env={"HOME": "/nonexistent", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        output.unlink(missing_ok=True)
        return None
    content = output.read_bytes()
    output.unlink()
    return content
