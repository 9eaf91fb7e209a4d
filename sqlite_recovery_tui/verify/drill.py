"""A restore that is made only to look at it: to a chosen or a random point, checked, measured, and removed.

What a drill is told and what it answers are plain values without secrets, so that any process, on any
machine that has the configuration, can carry one out.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.errors import (
    Cancelled,
    DamagedError,
    NotFoundError,
    RecoverError,
    VerificationFailed,
)
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.fleet import ReplicaRef, refs, scan_replica
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.target import AtTime, Latest, Target, of_point

LATEST = "latest"
RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Order:
    """Which replica to restore, and to which point."""

    config: str | None
    """The configuration file that names the replica; None: `url` says it all."""
    database: str | None
    """Its path as configured."""
    replica: str
    url: str
    at: str = LATEST
    """`latest`, `random`, or a time as RFC 3339 writes it."""
    seed: int = 0
    """What picks a random point: the same one of the same history."""

    @property
    def label(self) -> str:
        """What a person calls the replica."""
        return f"{Path(self.database).name} {self.replica}" if self.database else self.url


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a drill found."""

    order: Order
    started: datetime
    seconds: float
    points: int = 0
    """Restore points that there were to choose from; 0 where nobody counted."""
    restored: Mapping[str, Any] = field(default_factory=dict)
    """The restore, as `restore --json` prints it, without a file; empty when there was none."""
    integrity: Mapping[str, Any] | None = None
    assertions: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] | None = None
    """Why the state could not be restored, as `--json` prints errors."""

    @property
    def failed_assertions(self) -> tuple[str, ...]:
        """The names of those that do not hold."""
        return tuple(str(each["name"]) for each in self.assertions if not each["ok"])

    @property
    def code(self) -> int:
        """The exit code that tells it."""
        if self.error is not None:
            return int(self.error["code"])
        if self.integrity is not None and self.integrity["verdict"] == "damaged":
            return VerificationFailed.code
        return VerificationFailed.code if not self.ok else 0

    @property
    def ok(self) -> bool:
        """Whether the state can be restored and everything about it holds."""
        sound = self.integrity is not None and self.integrity["verdict"] == "ok"
        return self.error is None and sound and not self.failed_assertions

    @property
    def words(self) -> str:
        """What it comes to, in a line."""
        if self.error is not None:
            return f"not restored: {self.error['message']}"
        if self.integrity is None or self.integrity["verdict"] != "ok":
            told = "; ".join((self.integrity or {}).get("messages", ())[:1])
            return f"restored, and its check says {(self.integrity or {}).get('verdict')}: {told}"
        if self.failed_assertions:
            return f"restored, and does not hold: {', '.join(self.failed_assertions)}"
        return f"{self.restored['continuity']}, checks passed"

    def to_json(self) -> dict[str, Any]:
        """Return it as `drill --json` prints it."""
        return {
            "database": self.order.database,
            "replica": self.order.replica,
            "url": self.order.url,
            "at": self.order.at,
            "ok": self.ok,
            "started": self.started.isoformat().replace("+00:00", "Z"),
            "seconds": round(self.seconds, 3),
            "points": self.points,
            **{name: self.restored.get(name) for name in ("time", "position", "continuity")},
            "bytes_fetched": self.restored.get("bytes_fetched"),
            "integrity": dict(self.integrity) if self.integrity is not None else None,
            "assertions": [dict(each) for each in self.assertions],
            "error": dict(self.error) if self.error is not None else None,
        }


def order_for(ref: ReplicaRef, config: Path | None, at: str, seed: int) -> Order:
    """Return the order for one replica; `config` is where another process finds it."""
    return Order(
        str(config.absolute()) if config is not None and ref.database is not None else None,
        str(ref.database.path) if ref.database is not None else None,
        ref.replica.name,
        ref.replica.url,
        at,
        seed,
    )


def carry_out(
    order: Order,
    *,
    ref: ReplicaRef | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
    clock: Clock = SYSTEM,
) -> Verdict:
    """Carry one drill out; what fails is part of the answer. Raises `Cancelled` alone.

    `ref` is the replica where the caller has it; another process reads the configuration for it.
    """
    started, began = clock.now(), clock.monotonic()
    found: dict[str, Any] = {}
    try:
        _drill(
            order, ref or _ref(order), found, progress=progress, cancel=cancel or CancelToken(), clock=clock
        )
    except Cancelled:
        raise
    except RecoverError as error:
        found["error"] = error.to_json()
    return Verdict(order, started, clock.monotonic() - began, **found)


def lost(order: Order, started: datetime, seconds: float, why: str) -> Verdict:
    """Return the verdict on a drill whose worker died each time."""
    error = RecoverError(f"no try came to an end: {why}", object=order.url)
    return Verdict(order, started, seconds, error=error.to_json())


def random_point(points: Iterable[RestorePoint], seed: int) -> tuple[RestorePoint | None, int]:
    """Return one of the points, each as likely as any other, and how many there are."""
    chance = random.Random(seed)  # noqa: S311  # nothing secret hangs on it
    chosen, count = None, 0
    for count, point in enumerate(points, start=1):
        if chance.randrange(count) == 0:
            chosen = point
    return chosen, count


def _drill(
    order: Order,
    ref: ReplicaRef,
    found: dict[str, Any],
    *,
    progress: ProgressFn,
    cancel: CancelToken,
    clock: Clock,
) -> None:
    """Restore and look, filling in what is learnt on the way."""
    from sqlite_recovery_tui.restore.choose import choose
    from sqlite_recovery_tui.restore.run import RestoreOptions, restore
    from sqlite_recovery_tui.storage.open import open_store
    from sqlite_recovery_tui.verify import assertions
    from sqlite_recovery_tui.verify.integrity import check_database

    moment = None if order.at in (LATEST, RANDOM) else datetime.fromisoformat(order.at)
    state = scan_replica(ref, clock=clock, cancel=cancel, progress=progress, exact_at=moment)
    if state.timeline is None:
        assert state.error is not None
        raise state.error
    target, found["points"] = _target(order, state.timeline, moment)
    plan = choose([state], target).plan
    with _own_folder(ref) as folder:
        file = folder / "drill.db"
        store = open_store(ref.replica, clock=clock)
        try:
            result = restore(
                store,
                plan,
                RestoreOptions(file, memory_bytes=ref.replica.memory_bytes),
                age_identities=ref.identities,
                progress=progress,
                cancel=cancel,
                clock=clock,
            )
        finally:
            store.close()
        found["restored"] = {name: value for name, value in result.to_json().items() if name != "output"}
        found["integrity"] = check_database(file, kind="full", progress=progress, cancel=cancel).to_json()
        asked = assertions.check(file, ref.replica.assertions, progress=progress, cancel=cancel)
        found["assertions"] = tuple(outcome.to_json() for outcome in asked)


def _target(order: Order, timeline: Timeline, moment: datetime | None) -> tuple[Target, int]:
    if moment is not None:
        return AtTime(moment, order.at), 0
    if order.at == LATEST:
        return Latest(), 0
    point, count = random_point(timeline.points(), order.seed)
    if point is None:
        raise NotFoundError("there is nothing to restore", object=order.url)
    return of_point(point), count


def _ref(order: Order) -> ReplicaRef:
    """Return the replica that an order names, as this machine's configuration has it."""
    from sqlite_recovery_tui import config

    settings = config.load(Path(order.config)) if order.config is not None else None
    if order.database is None:
        return refs(settings, order.url)[0]
    found = [ref for ref in refs(settings, order.database, order.replica) if ref.replica.url == order.url]
    if not found:
        raise NotFoundError(
            f"{order.config} has no replica {order.replica} at {order.url}",
            object=order.url,
            hint="give every worker the same configuration",
        )
    return found[0]


@contextmanager
def _own_folder(ref: ReplicaRef) -> Iterator[Path]:
    """Give a directory that is gone at the end: in the scratch directory, which is sized for databases."""
    folder: Path | None = ref.replica.scratch_dir
    try:
        ref.replica.scratch_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = None
    with tempfile.TemporaryDirectory(prefix="sqlrecover-drill-", dir=folder) as own:
        yield Path(own)


def is_damage(verdict: Verdict) -> bool:
    """Tell whether a drill found history that does not hold."""
    return verdict.error is not None and verdict.error["code"] == DamagedError.code
