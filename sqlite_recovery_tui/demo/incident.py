"""Build the sample incident: an hour of a shop's history in three replicas, and two acts gone wrong.

Nothing is mocked: a real database, real write-ahead logs, replicas that stock Litestream restores. The
same moment gives the same files, byte for byte.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.demo import jobs as queue
from sqlite_recovery_tui.demo.jobs import JobsIncident
from sqlite_recovery_tui.demo.salts import repeatable_salts
from sqlite_recovery_tui.demo.shop import MIGRATION, Counts, Shop
from sqlite_recovery_tui.demo.writer import GenerationWriter, Sink, folder_sink
from sqlite_recovery_tui.errors import RecoverError, RefusedError

DEFAULT_DIRECTORY = Path("sqlrecover-demo")

_MARKER = ".sqlrecover-demo"
_SEED = 20260326
_SYNC = timedelta(seconds=10)
_CHECKPOINT_BYTES = 400 * 4096
# Minutes before the end of the history.
_BEGIN, _REBOOT, _BACK, _DISASTER = 62.0, 46.5, 43.25, 9.4
_SNAPSHOTS = (54.0, 30.0, 15.0, 6.0)
_OFFSITE_SKIPS_SNAPSHOT = 30.0
_OFFSITE_LOSES_SEGMENT = 13.0
_BATCHES = (57.5, 36.0, 21.0, 3.5)


@dataclass(frozen=True)
class DemoIncident:
    """What was built, what happened in it, and what to try."""

    directory: Path
    config: Path
    database: Path
    replicas: tuple[Path, ...]
    """Of the shop's database."""
    jobs: JobsIncident
    """The shop's queue, in a replica of Litestream 0.5."""
    disaster_time: datetime
    """When the bad migration was committed."""
    last_good_time: datetime
    """Time of the last object before the migration's; a restore to it has every order."""
    before: Counts
    after: Counts
    """Rows right before and right after the migration."""
    story: tuple[str, ...]
    commands: tuple[str, ...]


def build(directory: Path, *, now: datetime | None = None) -> DemoIncident:
    """Build the incident in `directory`, its history ending shortly before `now`.

    A demo already there is rebuilt. Raises `RefusedError` when the directory holds anything else.
    """
    directory = directory.absolute()
    _refuse_what_is_not_ours(directory)
    try:
        _clear(directory)
        with repeatable_salts():
            return _Incident(directory, (now or SYSTEM.now()).astimezone(UTC)).build()
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecoverError(
            f"cannot build the demo in {directory}: {reason}",
            hint="choose another place with --dir",
            object=str(directory),
        ) from None


class _Incident:
    """One building of the incident, step by step along its timeline."""

    def __init__(self, directory: Path, now: datetime) -> None:
        self.directory = directory
        self.end = now.replace(microsecond=0) - timedelta(seconds=4)
        self.database = directory / "production" / "shop.db"
        self.primary = directory / "replicas" / "primary"
        self.offsite = directory / "replicas" / "offsite"
        self.random = Random(_SEED)  # noqa: S311  (sample data, no secret)
        self.shipped = self._at(_BEGIN)
        self.lost: datetime | None = None

    def build(self) -> DemoIncident:
        self.database.parent.mkdir(parents=True)
        ids = [f"{self.random.getrandbits(64):016x}" for _ in range(2)]
        with GenerationWriter(self.database, self._both_replicas(), generation_ids=ids) as writer:
            shop = Shop(writer.connection, self.random)
            shop.open_business(self._at(_BEGIN))
            writer.new_generation(self._at(_BEGIN))
            self._trade(writer, shop, _BEGIN, _REBOOT)
            writer.new_generation(self._at(_BACK))
            self._trade(writer, shop, _BACK, _DISASTER)
            last_good, before = self.shipped, shop.counts()
            disaster = self._at(_DISASTER) + timedelta(seconds=3)
            shop.prune_stale_orders(disaster)
            after = shop.counts()
            self._ship(writer, disaster + timedelta(seconds=1))
            self._trade(writer, shop, _DISASTER - 0.1, 0.0)
        jobs = queue.build(
            self.database.with_name("jobs.db"),
            self.directory / "replicas" / "jobs",
            end=self.end,
            random=self.random,
        )
        stamp = self.shipped.timestamp()
        os.utime(self.database, (stamp, stamp))
        config = self._write_config(jobs)
        return DemoIncident(
            directory=self.directory,
            config=config,
            database=self.database,
            replicas=(self.primary, self.offsite),
            jobs=jobs,
            disaster_time=disaster,
            last_good_time=last_good,
            before=before,
            after=after,
            story=self._story(disaster, last_good, before, after, jobs),
            commands=_commands(self.directory, last_good, jobs.script_time),
        )

    def _at(self, minutes_before_end: float) -> datetime:
        return self.end - timedelta(minutes=minutes_before_end)

    def _trade(self, writer: GenerationWriter, shop: Shop, begin: float, end: float) -> None:
        """Do business between two moments (minutes before the end), shipping every few seconds."""
        moment = self._at(begin)
        events = sorted(
            [(self._at(minutes), "snapshot") for minutes in _SNAPSHOTS if begin > minutes > end]
            + [(self._at(minutes), "batch") for minutes in _BATCHES if begin > minutes > end]
        )
        while (moment := moment + self._pause(moment)) < self._at(end):
            while events and events[0][0] <= moment:
                _, event = events.pop(0)
                if event == "batch":
                    shop.import_stock_prices(moment)
                else:
                    self._ship(writer, moment)
                    writer.snapshot(moment + timedelta(seconds=0.5))
            shop.trade(moment)
            if moment - self.shipped >= _SYNC:
                self._ship(writer, moment + timedelta(seconds=0.7))
            if writer.position.offset > _CHECKPOINT_BYTES:
                writer.checkpoint("RESTART")
        shop.trade(self._at(end))
        self._ship(writer, self._at(end))

    def _pause(self, moment: datetime) -> timedelta:
        """Return the time to the next customer: waves of a few minutes, never quite regular."""
        minutes = (self.end - moment).total_seconds() / 60
        quiet = 1.6 + math.sin(minutes / 3.1) + 0.4 * math.sin(minutes / 0.9)
        return timedelta(seconds=round(0.8 + self.random.expovariate(0.6) * quiet, 3))

    def _ship(self, writer: GenerationWriter, moment: datetime) -> None:
        writer.ship(moment)
        self.shipped = moment

    def _both_replicas(self) -> Sink:
        """Return a sink to both places; the second is a little later, and one upload never arrived."""
        primary, offsite = folder_sink(self.primary), folder_sink(self.offsite)
        skipped, doomed = self._at(_OFFSITE_SKIPS_SNAPSHOT), self._at(_OFFSITE_LOSES_SEGMENT)

        def store(key: str, pieces: Iterable[bytes], time: datetime) -> int:
            data = list(pieces)
            if "/snapshots/" in key:
                arrives = abs(time - skipped) > timedelta(minutes=1)
            else:
                arrives = self.lost is not None or time < doomed
                self.lost = self.lost if arrives else time
            if arrives:
                offsite(key, data, time + timedelta(seconds=0.9))
            return primary(key, data, time)

        return store

    def _write_config(self, jobs: JobsIncident) -> Path:
        config = self.directory / "litestream.yml"
        config.write_text(
            _CONFIG.format(
                database=json.dumps(str(self.database), ensure_ascii=False),
                primary=json.dumps(str(self.primary), ensure_ascii=False),
                offsite=json.dumps(str(self.offsite), ensure_ascii=False),
                jobs_database=json.dumps(str(jobs.database), ensure_ascii=False),
                jobs_replica=json.dumps(str(jobs.replica), ensure_ascii=False),
            )
        )
        return config

    def _story(
        self, disaster: datetime, last_good: datetime, before: Counts, after: Counts, jobs: JobsIncident
    ) -> tuple[str, ...]:
        orders, invoices = before.orders - after.orders, before.invoices - after.invoices
        return (
            "A small web shop keeps its orders in shop.db, replicated to two places: primary and offsite.",
            f"{_clock(self._at(_BEGIN))}  replication began (on {self._at(_BEGIN):%Y-%m-%d}, times in UTC)",
            f"{_clock(self._at(_REBOOT))}  the server was rebooted; replication went on at"
            f" {_clock(self._at(_BACK))} in a new generation",
            f"{_clock(self.lost or self.end)}  one upload to offsite was lost, and nobody noticed",
            f"{_clock(disaster)}  migration {MIGRATION} ran: {_share(orders, before.orders)} orders"
            f" and {_share(invoices, before.invoices)} invoices are gone",
            f"{_clock(jobs.script_time)}  a clean-up script closed all {jobs.lost:,} waiting jobs in jobs.db,"
            " which Litestream 0.5 replicates",
            f"{_clock(self.shipped)}  the shop, still taking orders, was stopped; you were called",
            f"The last good moment of shop.db is {_clock(last_good)}.",
        )


_CONFIG = """\
# The sample incident of sqlrecover. Litestream 0.3 reads this file too; of jobs.db it sees no backup.
dbs:
  - path: {database}
    replicas:
      - name: primary
        type: file
        path: {primary}
        sync-interval: 10s
        retention: 72h
      - name: offsite
        type: file
        path: {offsite}
        sync-interval: 10s
        retention: 72h
  - path: {jobs_database}
    replicas:
      - name: archive
        type: file
        path: {jobs_replica}
        sync-interval: 2s
"""


def _commands(directory: Path, last_good: datetime, script: datetime) -> tuple[str, ...]:
    moment = last_good.strftime("%Y-%m-%dT%H:%M:%SZ")
    before_script = script.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"cd {_quoted(directory)}",
        "sqlrecover",
        "sqlrecover timeline shop.db",
        f"sqlrecover restore -timestamp {moment} -o restored.db shop.db",
        "sqlrecover verify restored.db",
        f"sqlrecover restore -replica offsite -timestamp {moment} -o offsite.db shop.db",
        "sqlrecover ltx -level all jobs.db",
        f"sqlrecover restore -timestamp {before_script} -o jobs-restored.db jobs.db",
    )


def _share(lost: int, total: int) -> str:
    return f"all {total:,}" if lost == total else f"{lost:,} of {total:,}"


def _quoted(directory: Path) -> str:
    here = Path.cwd()
    return shlex.quote(str(directory.relative_to(here) if directory.is_relative_to(here) else directory))


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%SZ")


def _refuse_what_is_not_ours(directory: Path) -> None:
    if "$" in str(directory) or not str(directory).isprintable():
        raise RefusedError(
            f"the demo cannot live in {str(directory)!r}: its configuration could not spell that path",
            hint="choose a directory without $ and control characters with --dir",
            object=str(directory),
        )
    if not directory.exists() and not directory.is_symlink():
        return
    ours = directory.is_dir() and ((directory / _MARKER).is_file() or not any(directory.iterdir()))
    if not ours:
        raise RefusedError(
            f"{directory} exists and is not a demo",
            hint="choose an empty or new directory with --dir",
            object=str(directory),
        )


def _clear(directory: Path) -> None:
    """Remove what an earlier demo built here, and only that."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARKER).write_text("The sample incident of sqlrecover. `sqlrecover demo` rebuilds it.\n")
    for folder in ("production", "replicas"):
        shutil.rmtree(directory / folder, ignore_errors=not (directory / folder).exists())
