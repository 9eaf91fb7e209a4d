"""Carry a plan out: fetch, decode, apply, place; the target is untouched until everything holds."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.domain import Continuity, Place
from sqlite_recovery_tui.errors import Cancelled, DamagedError, RecoverError, StorageError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.restore import place, scratch, unfinished
from sqlite_recovery_tui.restore import target as targets
from sqlite_recovery_tui.restore.builders import builder
from sqlite_recovery_tui.restore.built import Built
from sqlite_recovery_tui.restore.detour import Detour
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.order import Order
from sqlite_recovery_tui.restore.pack import Pack
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.work import WorkDir
from sqlite_recovery_tui.storage.base import Store

BeforePlacing = Callable[[Path], None]
"""Looks at the finished file before it gets its name; raises to keep it from replacing another."""


@dataclass(frozen=True)
class RestoreOptions:
    """How to carry a plan out."""

    output: Path
    force: bool = False
    parallelism: int = 8
    memory_bytes: int = 128 << 20
    to_last_good: bool = False
    """Stop at the last good commit in front of damage instead of refusing."""
    scratch: bool = False
    """Whether the output is a scratch: then a manifest is written beside it."""


@dataclass(frozen=True)
class RestoreResult:
    """What a restore made, and how far it can be trusted."""

    output: Path
    plan: Plan
    position: Place
    time: datetime
    """When the last applied object was stored, or the last commit made where that is what was asked for."""
    objects: int
    bytes_fetched: int
    objects_reused: int
    """Objects that an earlier, interrupted attempt had fetched."""
    pages: int
    page_size: int
    duration_seconds: float
    continuity: Continuity
    unproven: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """What is missing from the result when it ends in front of damage."""
    notes: tuple[str, ...] = ()
    undo: Path | None = None
    """Where the replaced file and its sidecars are kept."""

    @property
    def distance_seconds(self) -> float | None:
        """From the state that was restored to the time that was asked for; None when none was."""
        requested = self.plan.requested
        return (requested.time - self.time).total_seconds() if isinstance(requested, targets.AtTime) else None

    def to_json(self) -> dict[str, Any]:
        """Return the result as `restore --json` prints it, without its integrity."""
        plan = self.plan
        return {
            "database": plan.database,
            "replica": plan.replica,
            "url": plan.url,
            "format": plan.format,
            "output": str(self.output),
            "requested": targets.to_json(plan.requested),
            "position": self.position.to_json(),
            "time": targets.format_utc(self.time),
            "time_of": plan.point.time_of,
            "distance_seconds": self.distance_seconds,
            "base": plan.base.key,
            "objects": self.objects,
            "objects_reused": self.objects_reused,
            "bytes_fetched": self.bytes_fetched,
            "pages": self.pages,
            "page_size": self.page_size,
            "duration_ms": round(self.duration_seconds * 1000),
            "continuity": self.continuity,
            "unproven": list(self.unproven),
            "lost": list(self.lost),
            "notes": list(self.notes),
            "undo": str(self.undo) if self.undo else None,
        }


def restore(
    store: Store,
    plan: Plan,
    options: RestoreOptions,
    *,
    age_identities: Sequence[str] = (),
    before_placing: BeforePlacing | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
    clock: Clock = SYSTEM,
) -> RestoreResult:
    """Restore `plan` to `options.output`.

    Raises `RefusedError` for a target in the way, `DamagedError` for a chain that does not hold,
    `StorageError`, `Cancelled`. Whatever is raised, the target is as it was. After a `StorageError`, a
    pause or a kill, the same call goes on from what was fetched; see `unfinished`.
    """
    token = cancel or CancelToken()
    token.check()
    started = clock.monotonic()
    output = options.output.absolute()
    place.check_target(output, force=options.force)
    work = WorkDir(output)
    keep = False
    try:
        Order.of(plan, options, clock.now()).write(work.path)
        unfinished.register(work.path)
        pack = None if store.is_local else Pack(work.path)
        fetcher = Fetcher(store, age_identities, options.parallelism, token, pack)
        try:
            built, final_plan = _build_some_way(plan, options, fetcher, work, progress)
        finally:
            if pack is not None:
                pack.close()
        if before_placing is not None:
            before_placing(work.database)
        token.check()
        if options.scratch:
            scratch.announce(final_plan, output, clock.now())
        undo = place.place(work.database, output, force=options.force, now=clock.now())
        result = RestoreResult(
            output=output,
            plan=final_plan,
            position=built.position,
            time=built.time,
            objects=fetcher.objects_fetched + fetcher.objects_reused,
            objects_reused=fetcher.objects_reused,
            bytes_fetched=fetcher.bytes_fetched,
            pages=built.pages,
            page_size=built.page_size,
            duration_seconds=clock.monotonic() - started,
            continuity=built.continuity,
            unproven=built.unproven,
            lost=built.lost,
            notes=final_plan.notes,
            undo=undo,
        )
        if options.scratch:
            scratch.write_manifest(result, made=clock.now())
        return result
    except Cancelled:
        keep = token.paused
        raise
    except StorageError as error:
        keep = True
        error.hint = f"{error.hint}; {_RESUME}" if error.hint else _RESUME
        raise
    except OSError as error:
        raise local_failure(error, output) from None
    finally:
        if not keep:
            work.remove()
            unfinished.forget(work.path)
        work.close()
        if options.scratch and not keep:
            scratch.withdraw(output)


_RESUME = "the same command goes on from what was fetched"


def _build_some_way(
    plan: Plan, options: RestoreOptions, fetcher: Fetcher, work: WorkDir, progress: ProgressFn
) -> tuple[Built, Plan]:
    """Build by the plan's route, or by another one where objects of that will not do."""
    first_fault: RecoverError | None = None
    doubted: Plan | None = None
    asked = plan
    causes: tuple[str, ...] = ()
    settle = True
    while True:
        build = builder(
            plan,
            fetcher,
            work,
            memory_bytes=options.memory_bytes,
            to_last_good=options.to_last_good,
            progress=progress,
            settle=settle,
        )
        try:
            built = build.run()
            if causes:
                return _ending_early(built, asked, causes), plan
            if not built.lost or doubted is None or not settle:
                return built, plan
            other = error = None
        except Detour as fault:
            first_fault = fault.error if fault.is_whole or first_fault is None else first_fault
            if not fault.certain:
                doubted = plan
            other, error = plan.around(fault.avoid), first_fault
            if other is None and fault.shorter is not None and options.to_last_good:
                other, causes = plan.ending_at(fault.shorter), (*causes, *fault.causes)
        except DamagedError as damaged:
            other, error = None, damaged
        # A base that is only in doubt is better than an earlier one that leads nowhere.
        if other is not None:
            plan = other
        elif doubted is not None and settle:
            plan, settle = doubted, False
        elif error is not None:
            raise error from None


def _ending_early(built: Built, asked: Plan, causes: tuple[str, ...]) -> Built:
    """Return what was built, with what it lacks of the state that was asked for."""
    wanted = f"{asked.reached.label} of {targets.format_utc(asked.point.time)}"
    end = f"the result ends at {built.position.label}; missing: what was stored from there up to {wanted}"
    return replace(built, continuity="consistent", lost=(*built.lost, *causes, end))


def local_failure(error: OSError, output: Path) -> RecoverError:
    """Return what an operator is told when the machine's own disk refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(output.parent).free
        return place.NoSpaceError(
            f"no space left in {output.parent} while restoring ({free:,} bytes available)",
            object=str(output.parent),
            hint="free space, or choose -o on another file system",
        )
    return RecoverError(f"cannot write {output}: {os.strerror(error.errno or 0)}", object=str(output))
