"""Bounded retries: exponential backoff with full jitter on a clock, then the failure for good."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeVar

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.storage.keys import shown

T = TypeVar("T")
Again = Literal["never", "soon", "slowly", "unreachable"]
"""Whether trying again can help: not at all, at once, when the server had a rest, or hardly."""

_LOGGER = logging.getLogger(__name__)
_WORDS = {
    "list": "list {where}",
    "head": "look at {key} in {where}",
    "get": "read {key} from {where}",
    "put": "write {key} to {where}",
    "delete": "delete {key} from {where}",
}
_WITHOUT_KEY = "{name} objects of {where}"


@dataclass(frozen=True, slots=True)
class Operation:
    """What was tried: `name` is list, head, get, put or delete; `where` the store's URL."""

    name: str
    key: str
    where: str

    def __str__(self) -> str:
        words = _WORDS[self.name] if self.key or self.name == "list" else _WITHOUT_KEY
        return words.format(name=self.name, key=shown(self.key), where=self.where)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, as the operator should read it, and whether trying again can help."""

    kind: type[StorageError]
    reason: str
    hint: str = ""
    again: Again = "never"

    def error(self, operation: Operation, attempts: int = 1) -> StorageError:
        """Return the exception that says so of `operation`."""
        tries = f" ({attempts} attempts)" if attempts > 1 else ""
        return self.kind(
            f"cannot {operation}: {self.reason}{tries}",
            operation=operation.name,
            object=operation.key,
            hint=self.hint,
        )


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to try; the defaults give up after about half a minute at most."""

    attempts: int = 6
    unreachable_attempts: int = 3
    """Where nothing answers, a person is waiting for the message."""
    base_seconds: float = 0.1
    slow_base_seconds: float = 0.5
    """For servers that ask for less."""
    cap_seconds: float = 8.0

    def limit(self, again: Again) -> int:
        """Return how many attempts a failure of this sort may take in all."""
        if again == "never":
            return 1
        return self.unreachable_attempts if again == "unreachable" else self.attempts

    def longest_wait(self, again: Again, attempt: int) -> float:
        """Return the bound of the wait after the `attempt`-th attempt failed, in seconds."""
        base = self.slow_base_seconds if again == "slowly" else self.base_seconds
        return min(self.cap_seconds, base * 2.0 ** (attempt - 1))


class Attempts:
    """The attempts at one operation: waits between them, raises when there were enough."""

    def __init__(self, retry: Retry, operation: Operation) -> None:
        """Start counting for `operation`."""
        self.count = 1
        self._retry = retry
        self._operation = operation

    def failed(self, failure: Failure, cause: BaseException) -> None:
        """Wait for the next attempt; raise the error for good when no attempt is left."""
        policy = self._retry.policy
        if self.count >= policy.limit(failure.again):
            self._give_up(failure, cause)
        longest = policy.longest_wait(failure.again, self.count)
        _LOGGER.info("%s: %s, attempt %d", self._operation, failure.reason, self.count)
        self._retry.clock.sleep(self._retry.draw() * longest)
        self.count += 1

    def progressed(self) -> None:
        """Count anew: something arrived."""
        self.count = 1

    def _give_up(self, failure: Failure, cause: BaseException) -> NoReturn:
        raise failure.error(self._operation, self.count) from cause


class Retry:
    """Runs operations under one policy."""

    def __init__(
        self,
        clock: Clock = SYSTEM,
        policy: RetryPolicy = RetryPolicy(),
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Wait on `clock`; `draw` gives the jitter, a number from 0 to 1."""
        self.clock = clock
        self.policy = policy
        self.draw = draw

    def call(
        self,
        operation: Operation,
        act: Callable[[], T],
        explain: Callable[[Exception], Failure],
        failures: tuple[type[Exception], ...],
    ) -> T:
        """Return what `act` returns; explain its `failures`, try again where that can help."""
        try:
            return act()
        except failures as error:
            attempts = Attempts(self, operation)
            attempts.failed(explain(error), error)
        while True:
            try:
                return act()
            except failures as error:
                attempts.failed(explain(error), error)
