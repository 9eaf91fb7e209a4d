"""Build the sample incident: an hour of a shop's history in three replicas, and two acts gone wrong.

Nothing is mocked: a real database, real write-ahead logs, replicas that stock Litestream restores. The
same moment gives the same files, byte for byte.
"""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.config import load
from sqlite_recovery_tui.demo import jobs as queue
from sqlite_recovery_tui.demo import trading
from sqlite_recovery_tui.demo.jobs import JobsIncident
from sqlite_recovery_tui.demo.salts import repeatable_salts
from sqlite_recovery_tui.demo.shop import MIGRATION, Counts
from sqlite_recovery_tui.demo.trading import PlantedFault, ShopIncident
from sqlite_recovery_tui.errors import RecoverError, RefusedError

DEFAULT_DIRECTORY = Path("sqlrecover-demo")

_MARKER = ".sqlrecover-demo"
_SEED = 20260326


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
    faults: tuple[PlantedFault, ...]
    """All that is wrong with the replicas."""
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
    """One building of the incident."""

    def __init__(self, directory: Path, now: datetime) -> None:
        self.directory = directory
        self.end = now.replace(microsecond=0) - timedelta(seconds=4)
        self.database = directory / "production" / "shop.db"
        self.primary = directory / "replicas" / "primary"
        self.offsite = directory / "replicas" / "offsite"
        self.jobs_database = self.database.with_name("jobs.db")
        self.jobs_replica = directory / "replicas" / "jobs"
        self.config = directory / "litestream.yml"

    def build(self) -> DemoIncident:
        random = Random(_SEED)  # noqa: S311  (sample data, no secret)
        self._write_config()
        shop = trading.build(load(self.config).database("shop.db"), end=self.end, random=random)
        jobs = queue.build(self.jobs_database, self.jobs_replica, end=self.end, random=random)
        return DemoIncident(
            directory=self.directory,
            config=self.config,
            database=self.database,
            replicas=(self.primary, self.offsite),
            jobs=jobs,
            faults=(shop.lost,),
            disaster_time=shop.disaster,
            last_good_time=shop.last_good,
            before=shop.before,
            after=shop.after,
            story=_story(shop, jobs),
            commands=_commands(self.directory, shop.last_good, jobs.script_time),
        )

    def _write_config(self) -> None:
        self.config.write_text(
            _CONFIG.format(
                database=json.dumps(str(self.database), ensure_ascii=False),
                primary=json.dumps(str(self.primary), ensure_ascii=False),
                offsite=json.dumps(str(self.offsite), ensure_ascii=False),
                jobs_database=json.dumps(str(self.jobs_database), ensure_ascii=False),
                jobs_replica=json.dumps(str(self.jobs_replica), ensure_ascii=False),
            )
        )


def _story(shop: ShopIncident, jobs: JobsIncident) -> tuple[str, ...]:
    orders, invoices = shop.before.orders - shop.after.orders, shop.before.invoices - shop.after.invoices
    return (
        "A small web shop keeps its orders in shop.db, replicated to two places: primary and offsite.",
        f"{_clock(shop.began)}  replication began (on {shop.began:%Y-%m-%d}, times in UTC)",
        f"{_clock(shop.rebooted)}  the server was rebooted; replication went on at"
        f" {_clock(shop.back)} in a new generation",
        f"{_clock(shop.lost.time)}  one upload to offsite was lost, and nobody noticed",
        f"{_clock(shop.disaster)}  migration {MIGRATION} ran: {_share(orders, shop.before.orders)} orders"
        f" and {_share(invoices, shop.before.invoices)} invoices are gone",
        f"{_clock(jobs.script_time)}  a clean-up script closed all {jobs.lost:,} waiting jobs in jobs.db,"
        " which Litestream 0.5 replicates",
        f"{_clock(shop.stopped)}  the shop, still taking orders, was stopped; you were called",
        f"The last good moment of shop.db is {_clock(shop.last_good)}.",
    )


_CONFIG = """\
# The sample incident of sqlrecover. Litestream 0.3 reads this file too; of jobs.db it sees no backup.
dbs:
  - path: {database}
    min-checkpoint-page-count: 500
    checkpoint-interval: 5m
    replicas:
      - name: primary
        type: file
        path: {primary}
        sync-interval: 10s
        snapshot-interval: 12m
        retention: 72h
      - name: offsite
        type: file
        path: {offsite}
        sync-interval: 10s
        snapshot-interval: 18m
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
