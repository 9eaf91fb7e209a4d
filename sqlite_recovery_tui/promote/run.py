"""Carrying a promote out, and taking it back: guarded, atomic, checked, with an undo point every time."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.promote import aside, check, intent, locked, raw, stage, swap
from sqlite_recovery_tui.promote.beside import PromoteLock
from sqlite_recovery_tui.promote.check import Checked
from sqlite_recovery_tui.promote.choice import Mode, names
from sqlite_recovery_tui.promote.expiry import UndoRule, prune_calmly
from sqlite_recovery_tui.promote.facts import Live, incoming, look
from sqlite_recovery_tui.promote.intent import Intent
from sqlite_recovery_tui.promote.online import OnlinePut, copy_as_committed
from sqlite_recovery_tui.promote.plan import PromotePlan, make_plan
from sqlite_recovery_tui.promote.recover import Recovered, recover
from sqlite_recovery_tui.promote.undo import Draft, UndoPoint
from sqlite_recovery_tui.replicate.told import daemon_told

LOGGER = logging.getLogger(__name__)
WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class PromoteResult:
    """What was done."""

    plan: PromotePlan
    mode: Mode
    undo: Path | None
    """The folder that holds what was there; None when nothing was."""
    checked: Checked
    duration_seconds: float
    recovered: Recovered | None
    expired: tuple[str, ...] = ()
    """Undo points that went by the rule."""

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "database": str(self.plan.live.beside.named),
            "mode": self.mode,
            "promoted": str(self.plan.new.path),
            "sha256": self.plan.new.sha256,
            "undo": str(self.undo) if self.undo else None,
            "verdict": self.checked.verdict,
            "checked": self.checked.words,
            "duration_seconds": round(self.duration_seconds, 3),
            "rows_lost": self.plan.lost_rows,
            "rows_won": self.plan.won_rows,
            "assertions": [outcome.to_json() for outcome in self.plan.assertions],
            "recovered": self.recovered.to_json() if self.recovered else None,
            "expired": list(self.expired),
        }


@dataclass
class Promote:
    """One promote, confirmed by the database's name."""

    plan: PromotePlan
    reason: str = "promote"
    wait_seconds: float = WAIT_SECONDS
    force_in_use: str = ""
    """A process, by name or pid, that may keep the database open while its file is exchanged."""
    overrule: tuple[str, ...] = ()
    """The assertions, by name, that may fail."""
    progress: ProgressFn = ignore_progress
    cancel: CancelToken = field(default_factory=CancelToken)
    clock: Clock = SYSTEM
    rule: UndoRule = field(default_factory=UndoRule)
    """What becomes of older undo points once it is done."""

    def run(self, confirm: str) -> PromoteResult:
        """Carry it out; production is what it was whenever this raises anything but `VerificationFailed`.

        Raises `RefusedError` without the right name, where an assertion fails that was not overruled, when
        things changed since the plan was made, or while the database is in use; `VerificationFailed`,
        `RecoverError`, `Cancelled`.
        """
        self._check_name(confirm)
        locked.refuse(self.plan, self.overrule)
        beside = self.plan.live.beside
        began = time.monotonic()
        is_online = self.plan.choice.mode == "online"
        with PromoteLock(beside), daemon_told(beside.real, online=is_online, socket=self.plan.socket):
            recovered = recover(beside, self.cancel)
            self.plan = replace(self.plan, live=self._as_planned())
            self._check_space()
            undo = self._put()
            self.progress(Progress("comparing", 0, self.plan.new.size, "bytes"))
            checked = check.check(beside.real, self.plan.new.path, self.cancel)
            expired = prune_calmly(beside, self.rule, self.clock.now(), spare=undo)
        duration = time.monotonic() - began
        return PromoteResult(self.plan, self.plan.choice.mode, undo, checked, duration, recovered, expired)

    def _check_name(self, confirm: str) -> None:
        if confirm != self.plan.name:
            said = f"{confirm!r} was typed" if confirm else "nothing was typed"
            raise RefusedError(
                f"not confirmed: the name of the database is {self.plan.name!r}, {said}",
                object=str(self.plan.live.beside.named),
                hint=f"confirm with --confirm {self.plan.name}",
            )

    def _as_planned(self) -> Live:
        """Look again: what the plan rests on must still be so."""
        new, live = incoming(self.plan.new.path), look(self.plan.live.beside.named, self.plan.socket)
        before = self.plan.live
        if new.sha256 != self.plan.new.sha256:
            raise _changed(f"{new.path} has changed")
        if live.beside.real != before.beside.real or live.state != before.state:
            raise _changed(f"{before.beside.named} was {before.state} and is {live.state}")
        if (live.page_size, live.encoding, live.is_wal) != (
            before.page_size,
            before.encoding,
            before.is_wal,
        ):
            raise _changed(f"{before.beside.named} is of another kind")
        return live

    def _check_space(self) -> None:
        needed = self.plan.needed_bytes
        free = shutil.disk_usage(self.plan.live.beside.folder).free
        if free < needed:
            raise RefusedError(
                f"not enough space in {self.plan.live.beside.folder}: {needed:,} bytes needed for the new "
                f"state and the undo point, {free:,} available",
                object=str(self.plan.live.beside.folder),
                hint="free space there; older undo points can be removed with `sqlrecover undo --expire`",
            )

    def _put(self) -> Path | None:
        try:
            return self._put_or_clear()
        except OSError as error:
            raise RecoverError(
                f"{self.plan.live.beside.real} could not be replaced: {error.strerror or error}",
                object=str(self.plan.live.beside.real),
                hint="look at the permissions and the free space of its folder; what was begun is in order",
            ) from None

    def _put_or_clear(self) -> Path | None:
        live = self.plan.live
        draft = Draft(live.beside, self.clock.now()) if live.exists else None
        written = Intent(
            mode=self.plan.choice.mode,
            phase="preparing",
            sha256=self.plan.new.sha256,
            source=str(self.plan.new.path.absolute()),
            started=self.clock.now().astimezone(UTC).isoformat(timespec="seconds"),
            was_wal=live.is_wal,
            undo=draft.name if draft else "",
        )
        try:
            is_forced = self._is_forced(live)
            written.write(live.beside)
            undo = self._by_mode(written, draft, is_forced=is_forced)
        except BaseException:
            with suppress(RecoverError):  # what is left then is put in order by the next run
                recover(live.beside, CancelToken())
            raise
        intent.remove(live.beside)
        return undo

    def _by_mode(self, written: Intent, draft: Draft | None, *, is_forced: bool) -> Path | None:
        if draft is None or self.plan.choice.mode == "online":
            return self._online(written, draft)
        if self.plan.choice.mode == "swap":
            return self._swap(written, draft, is_forced=is_forced)
        return self._inject(written, draft)

    def _online(self, written: Intent, draft: Draft | None) -> Path | None:
        live = self.plan.live
        kept: list[Path] = []

        def keep() -> None:
            if draft is None:
                return
            self.progress(Progress("keeping what is there", 0, live.size, "bytes"))
            copy_as_committed(live, draft.database, self.cancel)
            kept.append(draft.commit(self.reason, replaced_by=self.plan.new.sha256))
            replace(written, phase="changing").write(live.beside)

        put = OnlinePut(self.plan.new, live, self.wait_seconds, self.progress, self.cancel, self.clock)
        put.run(keep)
        return kept[0] if kept else None

    def _swap(self, written: Intent, draft: Draft, *, is_forced: bool) -> Path:
        live = self.plan.live
        inode = stage.stage_copy(
            self.plan.new,
            live.beside,
            as_wal=live.is_wal or (live.state != "healthy" and self.plan.new.is_wal),
            progress=self.progress,
            cancel=self.cancel,
        )
        ready = replace(written, inode=inode)
        ready.write(live.beside)
        self.cancel.check()
        if is_forced:
            return swap.swap_in_use(live, ready, draft, self.cancel, self.reason)
        if live.state == "healthy":
            return swap.swap_healthy(live, ready, draft, self.cancel, self.reason)
        with aside.gate(live.beside.real, live.holders):
            return swap.swap_raw(live, ready, draft, self.cancel, self.reason)

    def _inject(self, written: Intent, draft: Draft) -> Path:
        live = self.plan.live
        inode = stage.stage_wal(self.plan.new, live.beside, progress=self.progress, cancel=self.cancel)
        ready = replace(written, inode=inode)
        ready.write(live.beside)
        self.cancel.check()
        with aside.gate(live.beside.real, live.holders):
            return swap.inject(live, ready, draft, self.cancel, self.reason)

    def _is_forced(self, live: Live) -> bool:
        """Tell whether everybody who has it open was named; raise `RefusedError` when somebody was not."""
        if not live.holders or live.state != "healthy" or self.plan.choice.mode != "swap":
            return False
        others = tuple(
            holder for holder in live.holders if self.force_in_use not in (holder.name, str(holder.pid))
        )
        if not self.force_in_use or others:
            who = names(others or live.holders)
            raise RefusedError(
                f"{live.beside.real} is open in {who}",
                object=str(live.beside.real),
                hint=f"stop {who} first; with --force-in-use NAME it goes on with the old file, and what it "
                "writes from then on is lost",
            )
        return True


def take_back(
    point: UndoPoint,
    database: Path,
    *,
    confirm: str,
    socket: Path | None = None,
    progress: ProgressFn = ignore_progress,
    **more: Any,
) -> PromoteResult:
    """Put an undo point back in the place of `database`, by the same procedure, with an undo point again.

    Raises as `Promote.run` does, and `RefusedError` for the bytes of a database that nobody can open.
    """
    with _closed(point, more.get("cancel") or CancelToken()) as file:
        plan = make_plan(file, database, socket=socket, progress=progress, cancel=more.get("cancel"))
        return Promote(plan, reason=f"undo {point.name}", progress=progress, **more).run(confirm)


@contextmanager
def _closed(point: UndoPoint, cancel: CancelToken) -> Iterator[Path]:
    """Give the undo point as one file; of raw bytes a copy, its log folded in."""
    if not point.is_raw:
        yield point.database
        return
    with tempfile.TemporaryDirectory(prefix=".sqlrecover-", dir=point.folder) as folder:
        yield raw.fold(point.database, Path(folder), cancel)


def _changed(what: str) -> RefusedError:
    return RefusedError(f"{what} since the plan was made", hint="look at a new plan, then confirm it")
