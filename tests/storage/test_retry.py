"""Retries are bounded in number and time, spread by jitter, and waited on the clock that was given."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import ObjectNotFound, StorageError, Unreachable
from sqlite_recovery_tui.storage.retry import Again, Attempts, Failure, Operation, Retry, RetryPolicy

OPERATION = Operation("get", "wal/k", "s3://bucket/app")


class Broken(Exception):
    pass


class Script:
    """Fails a number of times, then returns "done"."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise Broken
        return "done"


def run(script: Script, again: Again, *, draw: float = 1.0) -> tuple[str | StorageError, list[float]]:
    clock = FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    kinds = {"never": ObjectNotFound, "unreachable": Unreachable}
    failure = Failure(kinds.get(again, StorageError), "it broke", "do this", again)
    retry = Retry(clock, draw=lambda: draw)
    try:
        return retry.call(OPERATION, script, lambda _: failure, (Broken,)), clock.slept
    except StorageError as error:
        return error, clock.slept


def test_success_waits_for_nothing() -> None:
    assert run(Script(0), "soon") == ("done", [])


@pytest.mark.parametrize(
    ("again", "attempts"), [("never", 1), ("unreachable", 3), ("soon", 6), ("slowly", 6)]
)
def test_each_sort_of_failure_has_its_bound(again: Again, attempts: int) -> None:
    assert run(Script(attempts - 1), again)[0] == "done"
    script = Script(99)
    error, slept = run(script, again)
    assert isinstance(error, StorageError)
    assert script.calls == attempts == len(slept) + 1
    assert isinstance(error.__cause__, Broken)


def test_waits_double_up_to_a_cap_and_are_longer_for_throttling() -> None:
    assert run(Script(99), "soon")[1] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert run(Script(99), "slowly")[1] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert RetryPolicy().longest_wait("slowly", 40) == 8.0


@given(st.floats(0, 1))
def test_jitter_is_full(draw: float) -> None:
    assert run(Script(99), "soon", draw=draw)[1] == [draw * wait for wait in (0.1, 0.2, 0.4, 0.8, 1.6)]


def test_the_error_names_operation_key_store_and_attempts() -> None:
    error, _ = run(Script(99), "soon")
    assert isinstance(error, StorageError)
    assert error.message == "cannot read wal/k from s3://bucket/app: it broke (6 attempts)"
    assert (error.operation, error.object, error.hint, error.code) == ("get", "wal/k", "do this", 6)


def test_a_key_cannot_break_the_line() -> None:
    assert "\n" not in str(Operation("get", "a\nb\x1b[31m\u202e", "s3://b"))
    assert str(Operation("get", "a\nb", "s3://b")) == "read a\\nb from s3://b"


def test_other_exceptions_are_ours_and_pass() -> None:
    with pytest.raises(ZeroDivisionError):
        Retry().call(OPERATION, lambda: 1 // 0, lambda _: Failure(StorageError, ""), (Broken,))


def test_progress_starts_the_count_anew() -> None:
    attempts = Attempts(Retry(FixedClock(datetime(2026, 3, 26, tzinfo=UTC))), OPERATION)
    failure = Failure(StorageError, "it broke", again="soon")
    for _ in range(20):
        attempts.failed(failure, Broken())
        attempts.progressed()
    assert attempts.count == 1
