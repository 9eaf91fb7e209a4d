"""What the listing commands share: scan replicas side by side, one table or document, errors beside it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError, RecoverError
from sqlite_recovery_tui.progress import Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState, scan_replica

AT_ONCE = 8
WAKE_SECONDS = 0.2


def scan_all(
    session: Session, refs: Sequence[ReplicaRef], *, exact_at: datetime | None = None
) -> list[ReplicaState]:
    """List every replica, several at a time, and return their states in the order of `refs`.

    With `exact_at` what may belong to that moment is dated by its writer. Daemon threads do it, so that
    an interrupt need not wait for a server that does not answer. Raises `Cancelled`; any other failure
    is in the state.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[int, ReplicaState | BaseException]] = queue.SimpleQueue()
    for number in range(len(refs)):
        waiting.put(number)

    def work(progress: ProgressFn) -> None:
        with suppress(queue.Empty):
            while True:
                number = waiting.get_nowait()
                try:
                    answers.put((number, _scan(session, refs[number], progress, exact_at)))
                except BaseException as fault:  # raised again by the thread that waits
                    answers.put((number, fault))

    with session.meter() as meter:
        progress = meter if len(refs) == 1 else ignore_progress
        for _ in range(min(AT_ONCE, len(refs))):
            threading.Thread(target=work, args=(progress,), name="scan", daemon=True).start()
        states: dict[int, ReplicaState] = {}
        while len(states) < len(refs):
            try:
                # A signal that comes right before an endless wait would only be seen after it.
                number, answer = answers.get(timeout=WAKE_SECONDS)
            except queue.Empty:
                continue
            if isinstance(answer, BaseException):
                raise answer
            states[number] = answer
            if len(refs) > 1:
                meter(Progress("listing", len(states), len(refs), "replicas"))
    return [states[number] for number in range(len(refs))]


def _scan(session: Session, ref: ReplicaRef, progress: ProgressFn, exact_at: datetime | None) -> ReplicaState:
    return scan_replica(ref, clock=session.clock, cancel=session.cancel, progress=progress, exact_at=exact_at)


Row = tuple[Sequence[object], dict[str, Any]]
"""One line of a listing: its text cells and its JSON members."""


@dataclass(frozen=True)
class Section:
    """One table of a listing, and the member of the document that holds the same."""

    name: str
    heads: Sequence[str]
    rows_of: Callable[[ReplicaState], Iterable[Row]]
    """Called for replicas that could be listed."""
    beside_others: bool = False
    """Shown, also in JSON, only where it has rows; then the tables without rows are left out of text."""


def show(session: Session, states: Sequence[ReplicaState], *sections: Section) -> int:
    """Print tables with the rows of every replica that could be listed, errors of the others.

    With several databases a column says which. Return the exit code.
    """
    single_error(states)
    by_database = len({state.ref.database_name for state in states}) > 1
    rows = {section.name: list(_rows(section, states)) for section in sections}
    shown = [item for item in sections if rows[item.name]] or sections[:1]
    for number, section in enumerate(shown):
        if number:
            session.out.line()
        cells = [
            (ref.database_name or "-", *row) if by_database else row for ref, row, _ in rows[section.name]
        ]
        session.out.table((*(["database"] if by_database else ()), *section.heads), cells)
    code = report_errors(session, states)
    if session.out.as_json:
        members = {
            section.name: [{**identity(ref), **member} for ref, _, member in rows[section.name]]
            for section in sections
            if rows[section.name] or not section.beside_others
        }
        session.document({**members, "errors": errors_of(states)})
    return code


def _rows(
    section: Section, states: Sequence[ReplicaState]
) -> Iterator[tuple[ReplicaRef, Sequence[object], dict[str, Any]]]:
    for state in states:
        for cells, member in section.rows_of(state) if state.timeline is not None else ():
            yield state.ref, cells, member


def need_generation(states: Sequence[ReplicaState], generation: str | None) -> None:
    """Raise `NotFoundError` when a generation is asked for that none of the replicas has."""
    known = {item.id for state in states if state.timeline for item in state.timeline.generations}
    if generation is None or generation in known or any(state.error for state in states):
        return
    only_ltx = not known and any(state.timeline and state.timeline.ltx for state in states)
    raise NotFoundError(
        f"generation {generation} is in none of the replicas",
        hint="LTX files know no generations: leave -generation out"
        if only_ltx
        else f"there are {', '.join(sorted(known)) or 'none'}",
    )


def identity(ref: ReplicaRef) -> dict[str, Any]:
    """Return the JSON members that say which replica is meant."""
    return {"database": ref.database_name, "replica": ref.replica.name, "url": ref.replica.url}


def single_error(states: Sequence[ReplicaState]) -> None:
    """Raise the error of the only replica: then there is nothing else to show."""
    if len(states) == 1 and states[0].error is not None:
        raise states[0].error


def errors_of(states: Sequence[ReplicaState]) -> list[dict[str, Any]]:
    """Return the errors of the replicas that could not be listed, as JSON."""
    return [{**identity(state.ref), **state.error.to_json()} for state in states if state.error is not None]


def report_errors(session: Session, states: Sequence[ReplicaState]) -> int:
    """Print a line for each replica that could not be listed; return the first one's exit code, or 0."""
    code = 0
    for state in states:
        if state.error is not None:
            session.err.error(_placed(state.ref, state.error))
            code = code or state.error.code
        elif state.timeline is not None:
            for warning in state.timeline.warnings:
                session.err.warning(f"{state.ref.label}: {warning}")
    return code


def _placed(ref: ReplicaRef, error: RecoverError) -> RecoverError:
    return RecoverError(f"{ref.label}: {error}", hint=error.hint)
