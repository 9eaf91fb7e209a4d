"""The shop's second database: a queue of jobs, replicated as Litestream v0.5 does, and a clean-up script."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import apsw

from sqlite_recovery_tui.demo.levels import LevelWriter

_SCHEMA = """
CREATE TABLE jobs (
  id         INTEGER PRIMARY KEY,
  kind       TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  payload    TEXT NOT NULL,
  created_at TEXT NOT NULL,
  done_at    TEXT
);
CREATE INDEX jobs_by_state ON jobs(state, created_at);
"""
_KINDS = ("send invoice", "print label", "resize image", "refund", "sync stock")
_OLD_JOBS = 2_400
_BACKLOG = 320

_SYNC, _COMPACT = timedelta(seconds=2), timedelta(seconds=30)
_KEEP_LEVEL_0 = timedelta(minutes=5)
# Minutes before the end of the history.
_BEGIN, _SNAPSHOT, _SCRIPT = 40.0, 22.0, 7.25


@dataclass(frozen=True)
class JobsIncident:
    """What was built of the queue, and what happened to it."""

    database: Path
    replica: Path
    script_time: datetime
    """When the clean-up script marked every waiting job as done."""
    lost: int
    """Jobs that will never run."""


def build(database: Path, replica: Path, *, end: datetime, random: Random) -> JobsIncident:
    """Build the queue's database and its replica; the history ends at `end`."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with LevelWriter(database, replica) as writer:
        return _History(writer, end, random).play()


class _History:
    """The queue's last minutes, told in steps of two seconds."""

    def __init__(self, writer: LevelWriter, end: datetime, random: Random) -> None:
        self._writer = writer
        self._sql = writer.connection
        self._end = end
        self._random = random

    def play(self) -> JobsIncident:
        begin, script = self._at(_BEGIN), self._at(_SCRIPT)
        self._open(begin)
        lost = 0
        moment = begin
        self._writer.sync(moment)
        while (moment := moment + _SYNC) <= self._end:
            if moment - _SYNC < script <= moment:
                lost = self._clean_up(moment)
            else:
                self._work(moment)
            self._writer.sync(moment)
            self._compact(moment - begin)
            if moment - _SYNC < self._at(_SNAPSHOT) <= moment:
                self._writer.snapshot(moment)
        self._writer.expire(0, self._end - _KEEP_LEVEL_0)
        self._sql.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        stamp = self._end.timestamp()
        os.utime(self._writer.database, (stamp, stamp))
        return JobsIncident(self._writer.database, self._writer.replica, script, lost)

    def _at(self, minutes_before_end: float) -> datetime:
        return self._end - timedelta(minutes=minutes_before_end)

    def _compact(self, age: timedelta) -> None:
        if not age % _COMPACT:
            self._writer.compact(1)
        if not age % timedelta(minutes=5):
            self._writer.compact(2)

    def _open(self, now: datetime) -> None:
        with self._sql:
            self._sql.execute(_SCHEMA)
            for number in range(_OLD_JOBS):
                self._add(now - timedelta(minutes=_OLD_JOBS - number), "done")
            for number in range(_BACKLOG):
                self._add(now - timedelta(seconds=_BACKLOG - number), "queued")

    def _work(self, now: datetime) -> None:
        """Commit two seconds of work: some jobs come, some are done; now and then nobody is there."""
        if self._random.random() < 0.35:
            return
        with self._sql:
            for _ in range(self._random.randint(0, 3)):
                self._add(now, "queued")
            oldest = "SELECT id FROM jobs WHERE state = 'queued' ORDER BY created_at LIMIT 1"
            state = "failed" if self._random.random() < 0.03 else "done"
            query = f"UPDATE jobs SET state = ?, done_at = ? WHERE id = ({oldest})"
            self._sql.execute(query, (state, _text(now)))

    def _clean_up(self, now: datetime) -> int:
        """Commit the script's mistake: meant for jobs of last year, it closes all that wait."""
        query = "UPDATE jobs SET state = 'done', done_at = ? WHERE state = 'queued'"
        with self._sql:
            self._sql.execute(query, (_text(now),))
        return int(self._sql.changes())

    def _add(self, now: datetime, state: str) -> None:
        kind = self._random.choice(_KINDS)
        payload = f"order {self._random.randint(1, 5200)}, attempt {self._random.getrandbits(40):010x}"
        done = _text(now) if state == "done" else None
        self._sql.execute(
            "INSERT INTO jobs VALUES (NULL, ?, ?, ?, ?, ?)", (kind, state, payload, _text(now), done)
        )


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
