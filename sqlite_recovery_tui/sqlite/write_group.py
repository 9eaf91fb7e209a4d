"""Several writes in one transaction, in such a way that one which fails leaves the others as they are."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlite_recovery_tui.sqlite.production import is_in_transaction

SAFE_SAVEPOINTS = (3, 50, 0)
"""From this SQLite on a rollback to a savepoint leaves a WAL whose frames hold, also when the cache spilt."""

_TRANSACTION = 22  # SQLITE_TRANSACTION and SQLITE_SAVEPOINT, as every SQLite numbers them
_SAVEPOINT = 32
_OK, _DENY = 0, 1


class Write(Protocol):
    """Something to be written."""

    @property
    def function(self) -> Callable[[Any], Any]:
        """What writes it, given the connection."""


@dataclass(slots=True)
class Outcome:
    """What became of one write."""

    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class Group:
    """Writes to be carried out together, and what became of each."""

    jobs: Sequence[Write]
    outcomes: list[Outcome] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = [Outcome() for _ in self.jobs]


class Writer:
    """Carries groups out on one connection, of the standard library or of apsw."""

    def __init__(self, connection: Any, *, savepoints: bool | None = None) -> None:
        """Take the connection over; `savepoints` unless told: as its SQLite is safe with them."""
        self._connection = connection
        token = secrets.token_hex(8)
        self._savepoint = f"w{token}"
        # Nobody else's statement has this text, so that no cache hands out one that was let through.
        self._begin = f"BEGIN IMMEDIATE --{token}"
        self._commit = f"COMMIT --{token}"
        self._rollback = f"ROLLBACK --{token}"
        self._save = f"SAVEPOINT {self._savepoint}"
        self._back = f"ROLLBACK TO {self._savepoint}"
        self._release = f"RELEASE {self._savepoint}"
        self._guarding = False
        self._savepoints = _version(connection) >= SAFE_SAVEPOINTS if savepoints is None else savepoints
        self.written = self.commits = self.largest = self.repeated = 0
        _authorize(connection, self._judge)

    def write(self, group: Group) -> None:
        """Carry all writes of a group out, and note what became of each; raises nothing."""
        parts = deque([list(range(len(group.jobs)))])
        while parts:
            undone = self._attempt(group, parts.popleft())
            self.repeated += sum(map(len, undone))
            parts.extendleft(reversed(undone))

    def _attempt(self, group: Group, numbers: list[int]) -> list[list[int]]:
        """Carry some writes out as one transaction; return those that are to be tried again, and how."""
        outcomes = group.outcomes
        try:
            self._abandon()
            self._connection.execute(self._begin)
        except BaseException as error:
            self._fail(outcomes, numbers, error)
            return []
        for place, number in enumerate(numbers):
            outcomes[number] = self._run(group.jobs[number])
            if outcomes[number].error is not None and not self._undo_one():
                self._abandon()
                return [part for part in (numbers[:place], numbers[place + 1 :]) if part]
        good = [number for number in numbers if outcomes[number].error is None]
        try:
            self._connection.execute(self._commit)
        except BaseException as error:
            self._abandon()
            if len(good) > 1:  # a constraint that is judged at the end tells nothing of whose fault it is
                return [[number] for number in good]
            self._fail(outcomes, good, error)
            return []
        self.written += len(good)
        self.commits += bool(good)
        self.largest = max(self.largest, len(good))
        return []

    def _run(self, job: Write) -> Outcome:
        connection = self._connection
        try:
            if self._savepoints:
                connection.execute(self._save)
            self._guarding = True
            try:
                result = job.function(connection)
            finally:
                self._guarding = False
            if self._savepoints:
                connection.execute(self._release)
        except BaseException as error:
            return Outcome(error=error)
        return Outcome(result)

    def _undo_one(self) -> bool:
        """Take back what the last write did; return False when that takes the whole transaction."""
        if not self._savepoints or not is_in_transaction(self._connection):
            return False
        try:
            self._connection.execute(self._back)
            self._connection.execute(self._release)
        except Exception:
            return False
        return True

    def _abandon(self) -> None:
        """End the transaction without a trace; SQLite may have ended it by itself."""
        if is_in_transaction(self._connection):
            self._connection.execute(self._rollback)

    def _fail(self, outcomes: list[Outcome], numbers: list[int], error: BaseException) -> None:
        for number in numbers:
            outcomes[number] = Outcome(error=error)

    def _judge(self, action: int, *told: str | None) -> int:
        """Keep a write from ending the transaction that it shares with others."""
        if not self._guarding:
            return _OK
        ends = action == _TRANSACTION or (action == _SAVEPOINT and told[1] == self._savepoint)
        return _DENY if ends else _OK


def _version(connection: Any) -> tuple[int, ...]:
    text = next(iter(connection.execute("SELECT sqlite_version()")))[0]
    return tuple(int(part) for part in str(text).split("."))


def _authorize(connection: Any, judge: Callable[..., int]) -> None:
    if hasattr(connection, "set_authorizer"):
        connection.set_authorizer(judge)
    else:
        connection.authorizer = judge
