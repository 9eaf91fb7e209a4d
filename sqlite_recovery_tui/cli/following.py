"""`restore -f`: a copy that is kept up to date until it is told to stop, and says how it stands meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.restoring import Attempt, Wish
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.progress import CancelToken

if TYPE_CHECKING:
    from sqlite_recovery_tui.errors import DamagedError
    from sqlite_recovery_tui.history.act import Act
    from sqlite_recovery_tui.replica.fleet import ReplicaRef
    from sqlite_recovery_tui.restore.choose import Choice
    from sqlite_recovery_tui.restore.live.copy import LiveCopy
    from sqlite_recovery_tui.restore.live.mark import Mark
    from sqlite_recovery_tui.restore.run import RestoreResult

INTERVAL = timedelta(seconds=1)
MAX_LAG = timedelta(minutes=5)


def check_wish(wish: Wish) -> None:
    """Raise `UsageError` for options that following makes no sense of, or that make none without it."""
    if not wish.follow:
        given = {"-follow-interval": wish.follow_interval, "-max-lag": wish.max_lag}
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{name} goes with -f", hint="add -f to keep the restored file up to date")
        return
    for name, is_given, why in _refused(wish):
        if is_given:
            raise UsageError(f"-f and {name} exclude one another: {why}", hint=f"leave {name} out, or -f")
    for name, value in (("-follow-interval", wish.follow_interval), ("-max-lag", wish.max_lag)):
        if value is not None and value <= timedelta(0):
            raise UsageError(f"{name} has to be more than nothing", hint=f"write {name} 1s, for example")


def _refused(wish: Wish) -> Iterator[tuple[str, bool, str]]:
    """Yield each option that does not go with -f, whether it was given, and why it does not."""
    latest = "the copy is always of the newest state"
    yield "-timestamp", wish.timestamp is not None, latest
    yield "-txid", wish.txid is not None, latest
    yield "-index", wish.index is not None, latest
    yield "-offset", wish.offset is not None, latest
    yield "-nearest", wish.nearest, latest
    yield "-generation", wish.generation is not None, "the copy goes on where the history does"
    yield "-to-last-good", wish.to_last_good, "damage in front of the newest state is told, and waited out"
    yield "-dry-run", wish.dry_run, "there is no plan for what is not written yet"
    yield "-if-db-not-exists", wish.if_db_not_exists, "a copy that exists is gone on from"
    yield (
        "-integrity-check",
        wish.integrity_check != "none",
        "each update is verified by the replica's checksums; check the copy with `sqlrecover verify`",
    )


def can_go_on(path: Path, wish: Wish) -> bool:
    """Tell whether `path` is a copy that is gone on from, and not made anew."""
    from sqlite_recovery_tui.restore.live import create

    return not wish.force and create.can_go_on(path)


def go_on(session: Session, refs: Sequence[ReplicaRef], path: Path, wish: Wish, act: Act) -> int:
    """Follow into the copy that is at `path`."""
    from sqlite_recovery_tui.restore.live.copy import LiveCopy

    ref = _followed(session, refs, path)
    with LiveCopy.open(path, url=ref.replica.url, clock=session.clock) as copy:
        mark = copy.mark
        session.out.marked("bold", "going on", f"  {ref.label} to {path}, from {_where(mark)}")
        session.out.event(
            {"event": "resumed", "output": str(copy.path), "url": ref.replica.url, **mark.to_json()}
        )
        session.out.flush()
        act.begin(url=ref.replica.url, replica=ref.replica.name)
        return _follow(session, ref, copy, wish, act)


def begin(session: Session, choice: Choice, path: Path, wish: Wish, act: Act) -> int:
    """Restore the newest state to `path`, and follow on from there."""
    from sqlite_recovery_tui.history.facts import of_plan
    from sqlite_recovery_tui.restore.following.source import mark_of
    from sqlite_recovery_tui.restore.live.create import create
    from sqlite_recovery_tui.restore.live.state import CopyLock

    lock = CopyLock(path)
    act.begin(**of_plan(choice.plan.to_json()))
    try:
        result, used = _restored(session, choice, path, wish)
    except BaseException:
        lock.release()
        raise
    copy = create(
        result.output,
        path,
        mark_of(result),
        url=used.ref.replica.url,
        force=wish.force,
        lock=lock,
        clock=session.clock,
    )
    with copy:
        _tell_restored(session, replace(result, output=copy.path, undo=copy.undo), used)
        return _follow(session, used.ref, copy, wish, act)


def _restored(session: Session, choice: Choice, path: Path, wish: Wish) -> tuple[RestoreResult, Choice]:
    """Restore to where a copy is made from."""
    from sqlite_recovery_tui.restore.choose import restore_best
    from sqlite_recovery_tui.restore.live.create import staging_path

    def fall_back(following: Choice, error: DamagedError) -> None:
        failed, _ = following.rejected[-1]
        session.err.warning(f"{failed.label} is not used: {error}")

    with session.meter() as meter:
        attempt = Attempt(session, wish, staging_path(path), meter)
        return restore_best(choice, attempt, on_fallback=fall_back)


def _tell_restored(session: Session, result: RestoreResult, choice: Choice) -> None:
    from sqlite_recovery_tui.cli.reports import result_facts

    session.out.marked("bold", "restored", f"  {choice.ref.label} to {result.output}")
    session.out.facts(result_facts(result, why=choice.why, integrity=None))
    session.out.line()
    session.out.event({"event": "restored", **result.to_json(), "why": choice.why})
    session.out.flush()


def _followed(session: Session, refs: Sequence[ReplicaRef], path: Path) -> ReplicaRef:
    """Return the replica that the copy at `path` is of; where it does not say, the best one."""
    from sqlite_recovery_tui.cli.listing import scan_all
    from sqlite_recovery_tui.restore.choose import choose
    from sqlite_recovery_tui.restore.live.state import Beside
    from sqlite_recovery_tui.restore.target import Latest

    state = Beside(path.absolute()).read_state()
    if state is not None:
        return next((ref for ref in refs if ref.replica.url == state.url), refs[0])
    return refs[0] if len(refs) == 1 else choose(scan_all(session, refs), Latest()).ref


def _where(mark: Mark) -> str:
    from sqlite_recovery_tui.cli.teller import place_words
    from sqlite_recovery_tui.words import both_zones

    return f"{place_words(mark.place)} of {both_zones(mark.time)}"


def _follow(session: Session, ref: ReplicaRef, copy: LiveCopy, wish: Wish, act: Act) -> int:
    """Follow until a signal ends it."""
    from sqlite_recovery_tui.cli.stopping import Stoppable
    from sqlite_recovery_tui.cli.teller import Teller, place_words
    from sqlite_recovery_tui.restore.follow import follow
    from sqlite_recovery_tui.restore.following.source import STEP_BYTES, ReplicaSource
    from sqlite_recovery_tui.storage.open import open_store

    memory = wish.memory or ref.replica.memory_bytes
    stop = CancelToken()
    store = open_store(ref.replica, clock=session.clock)
    source = ReplicaSource(
        store,
        ref.replica.url,
        copy.path,
        identities=ref.identities,
        database=ref.database_name,
        replica=ref.replica.name,
        parallelism=wish.parallelism,
        memory_bytes=memory,
        step_bytes=min(STEP_BYTES, memory // 2),
        cancel=stop,
        clock=session.clock,
    )
    try:
        with Teller(session, copy.path, ref.replica.url) as teller:
            stoppable = Stoppable(session, source, stop, before_rebase=teller.clear)
            with stoppable.signals():
                last = follow(
                    stoppable,
                    copy,
                    stop=stop,
                    interval=(wish.follow_interval or INTERVAL).total_seconds(),
                    max_lag=(wish.max_lag or MAX_LAG).total_seconds(),
                    clock=session.clock,
                    on_state=teller,
                )
            teller.stopped(last)
            act.finish(position=place_words(last.position), point_time=last.time, results=last.to_json())
    finally:
        store.close()
    return 0
