"""The write queue: nothing accepted is lost, nothing is applied twice, one failure takes no other down."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.sqlite.production import connect, connect_apsw
from sqlite_recovery_tui.sqlite.write_group import Group, Writer
from sqlite_recovery_tui.sqlite.write_queue import TooLate, WriteQueue
from tests.support.properties import examples

SCHEMA = "CREATE TABLE t (v INTEGER UNIQUE); CREATE TABLE parent (id INTEGER PRIMARY KEY)"
CHILD = "CREATE TABLE child (p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
OPENERS: dict[str, Callable[[Path], Any]] = {
    "stdlib": lambda path: connect(path, check_same_thread=False),
    "apsw": connect_apsw,
}


def insert(value: int) -> Callable[[Any], int]:
    def write(connection: Any) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        return value

    return write


def fail(value: int) -> Callable[[Any], None]:
    def write(connection: Any) -> None:
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        raise ZeroDivisionError(value)

    return write


def statement(sql: str) -> Callable[[Any], None]:
    def write(connection: Any) -> None:
        connection.execute(sql)

    return write


@pytest.fixture(params=sorted(OPENERS))
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(library: str, tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    connection = OPENERS[library](path)
    for sql in (*SCHEMA.split(";"), CHILD):
        connection.execute(sql)
    connection.close()
    return path


@pytest.fixture
def connection(library: str, path: Path) -> Iterator[Any]:
    connection = OPENERS[library](path)
    yield connection
    connection.close()


@pytest.fixture
def queue(library: str, path: Path) -> Iterator[WriteQueue]:
    with WriteQueue(lambda: OPENERS[library](path), most_waiting=20) as queue:
        yield queue


def values(library: str, path: Path) -> list[int]:
    connection = OPENERS[library](path)
    found = [row[0] for row in connection.execute("SELECT v FROM t ORDER BY rowid")]
    connection.close()
    return found


class _Job:
    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function


def together(connection: Any, *functions: Callable[[Any], Any], savepoints: bool) -> list[Any]:
    """Carry functions out as one group; return their results or errors."""
    writer = Writer(connection, savepoints=savepoints)
    group = Group([_Job(function) for function in functions])
    writer.write(group)
    return [outcome.error or outcome.result for outcome in group.outcomes]


class Blocked:
    """A write that keeps the queue busy until it is let go, so that what comes next waits."""

    def __init__(self, queue: WriteQueue) -> None:
        self._running, self._go = threading.Event(), threading.Event()
        self.future = queue.submit(self._write)
        assert self._running.wait(10)

    def _write(self, _connection: Any) -> None:
        self._running.set()
        assert self._go.wait(10)

    def release(self) -> None:
        self._go.set()
        self.future.result(10)


@pytest.mark.parametrize("savepoints", [True, False])
def test_a_failure_leaves_those_beside_it_as_they_are(
    library: str, path: Path, connection: Any, savepoints: bool
) -> None:
    found = together(
        connection,
        insert(1),
        fail(2),
        insert(3),
        insert(1),  # not unique
        statement("INSERT OR ROLLBACK INTO t VALUES (3)"),  # takes the whole transaction along
        insert(4),
        savepoints=savepoints,
    )
    assert [type(item).__name__ for item in found] == [
        "int",
        "ZeroDivisionError",
        "int",
        *(["IntegrityError" if library == "stdlib" else "ConstraintError"] * 2),
        "int",
    ]
    assert values(library, path) == [1, 3, 4]


@pytest.mark.parametrize("savepoints", [True, False])
@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK", "END", "BEGIN"])
def test_no_write_ends_the_transaction_of_the_others(
    library: str, path: Path, connection: Any, sql: str, savepoints: bool
) -> None:
    first, second, third = together(
        connection, insert(1), lambda it: (insert(2)(it), it.execute(sql)), insert(3), savepoints=savepoints
    )
    assert (first, third) == (1, 3)
    assert "not authorized" in str(second) or "authoriz" in type(second).__name__.lower()
    assert values(library, path) == [1, 3]


@pytest.mark.parametrize("library", ["stdlib"])
def test_the_standard_librarys_own_commits_are_kept_off_too(
    library: str, path: Path, connection: Any
) -> None:
    found = together(
        connection,
        insert(1),
        lambda it: it.commit(),
        lambda it: it.rollback(),
        lambda it: it.executescript("INSERT INTO t VALUES (9)"),
        insert(2),
        savepoints=True,
    )
    assert found[0] == 1
    assert found[4] == 2
    assert all(isinstance(item, Exception) for item in found[1:4])
    assert values(library, path) == [1, 2]


@pytest.mark.parametrize("savepoints", [True, False])
def test_a_constraint_that_is_judged_at_the_end_fails_the_guilty_alone(
    library: str, path: Path, connection: Any, savepoints: bool
) -> None:
    found = together(
        connection, insert(1), statement("INSERT INTO child VALUES (7)"), insert(2), savepoints=savepoints
    )
    assert (found[0], found[2]) == (1, 2)
    assert "FOREIGN KEY" in str(found[1])
    assert values(library, path) == [1, 2]


def test_what_waits_together_is_committed_together(library: str, path: Path, queue: WriteQueue) -> None:
    blocked = Blocked(queue)
    futures = [queue.submit(insert(number)) for number in range(20)]
    assert queue.statistics().waiting == 20
    blocked.release()
    assert [future.result(10) for future in futures] == list(range(20))
    found = queue.statistics()
    assert (found.commits, found.largest_group, found.written) == (2, 20, 21)
    assert values(library, path) == list(range(20))


def test_a_result_is_told_once_it_is_committed(library: str, path: Path, queue: WriteQueue) -> None:
    queue.submit(insert(1)).result(10)
    assert values(library, path) == [1]


def test_what_is_taken_back_or_late_leaves_no_trace(library: str, path: Path, queue: WriteQueue) -> None:
    blocked = Blocked(queue)
    cancelled, late, good = (
        queue.submit(insert(1)),
        queue.submit(insert(2), timeout=0),
        queue.submit(insert(3), timeout=60),
    )
    assert cancelled.cancel()
    blocked.release()
    assert good.result(10) == 3
    assert isinstance(late.exception(10), TooLate)
    assert values(library, path) == [3]
    assert (queue.statistics().cancelled, queue.statistics().late) == (1, 1)


def test_where_there_is_no_room_callers_wait(library: str, path: Path, queue: WriteQueue) -> None:
    blocked = Blocked(queue)
    futures = [queue.submit(insert(number)) for number in range(20)]
    with pytest.raises(TooLate, match="20 writes wait already"):
        queue.submit(insert(99), timeout=0)
    more: list[Future[int]] = []
    callers = [
        threading.Thread(target=lambda number=number: more.append(queue.submit(insert(number))))
        for number in range(20, 30)
    ]
    for caller in callers:
        caller.start()
    blocked.release()
    for caller in callers:
        caller.join(10)
    assert sorted(future.result(10) for future in (*futures, *more)) == list(range(30))
    assert sorted(values(library, path)) == list(range(30))


def test_closed_it_has_carried_out_what_it_took_and_takes_no_more(
    library: str, path: Path, queue: WriteQueue
) -> None:
    blocked = Blocked(queue)
    futures = [queue.submit(insert(number)) for number in range(10)]
    closer = threading.Thread(target=queue.close)
    closer.start()
    blocked.release()
    closer.join(10)
    assert [future.result(0) for future in futures] == list(range(10))
    with pytest.raises(RefusedError, match="closed"):
        queue.submit(insert(11))
    assert values(library, path) == list(range(10))


def test_coroutines_write_too_and_do_not_stop_the_loop(library: str, path: Path, queue: WriteQueue) -> None:
    async def main() -> list[int]:
        blocked = await asyncio.to_thread(Blocked, queue)
        writes = [asyncio.ensure_future(queue.write(insert(number))) for number in range(25)]
        doomed = asyncio.ensure_future(queue.write(insert(100)))
        while queue.statistics().waiting < 20:
            await asyncio.sleep(0)
        doomed.cancel()
        blocked.release()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        with pytest.raises(ZeroDivisionError):
            await queue.write(fail(50))
        return await asyncio.gather(*writes)

    assert asyncio.run(main()) == list(range(25))
    assert set(range(25)) <= set(values(library, path)) <= {*range(25), 100}


def test_what_cannot_be_opened_is_told_to_who_opens_it(library: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be opened"):
        WriteQueue(lambda: OPENERS[library](tmp_path / "no" / "app.db"))


def test_a_child_of_a_fork_is_told_to_open_its_own(queue: WriteQueue) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            queue.close()
            queue._closed = False
            queue.submit(insert(1))
        except RefusedError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert b"forked" in os.read(read, 1000)
    os.close(read)


_WRITES = """
import sys
from sqlite_recovery_tui.sqlite.production import connect
from sqlite_recovery_tui.sqlite.write_queue import WriteQueue
queue = WriteQueue(lambda: connect(sys.argv[1], check_same_thread=False))
def told(future):
    sys.stdout.write(f"{future.result()}\\n"); sys.stdout.flush()
def write(number):
    return lambda it: it.execute("INSERT INTO t VALUES (?)", (number,)) and number
for number in range(int(sys.argv[2])):
    queue.submit(write(number)).add_done_callback(told)
"""


def _writing(path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITES, str(path), str(count)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("library", ["stdlib"])
def test_a_process_that_ends_without_closing_loses_nothing_it_took(library: str, path: Path) -> None:
    with _writing(path, 2000) as process:
        told, _ = process.communicate()
    assert process.returncode == 0
    assert [int(line) for line in told.split()] == list(range(2000)) == values(library, path)


@pytest.mark.parametrize("library", ["stdlib"])
def test_after_a_kill_all_that_was_told_is_there_and_nothing_twice(library: str, path: Path) -> None:
    with _writing(path, 1_000_000) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(500)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    told += [int(line) for line in rest.split("\n")[:-1]]
    found = values(library, path)
    assert found == list(range(len(found)))
    assert len(found) >= len(told)


class Machine(RuleBasedStateMachine):
    """Any order of good, failing, withdrawn writes and of closing, against what their callers were told."""

    folder: Path
    runs = 0

    @initialize(savepoints=st.booleans(), together=st.integers(1, 5))
    def open(self, savepoints: bool, together: int) -> None:
        type(self).runs += 1
        self.path = self.folder / f"{self.runs}.db"
        connection = connect(self.path)
        connection.execute("CREATE TABLE t (v INTEGER UNIQUE)")
        connection.close()
        self.queue = WriteQueue(
            lambda: connect(self.path, check_same_thread=False), most_waiting=8, most_together=together
        )
        self.queue._writer._savepoints = savepoints  # type: ignore[union-attr]
        self.number = 0
        self.futures: dict[int, Future[Any]] = {}
        self.blocked: Blocked | None = None
        self.closed = False

    def _submit(self, make: Callable[[int], Callable[[Any], Any]]) -> None:
        self.number += 1
        try:
            self.futures[self.number] = self.queue.submit(
                make(self.number), timeout=0 if self.blocked else 60
            )
        except TooLate:
            assert self.queue.statistics().waiting == 8
        except RefusedError:
            assert self.closed

    @rule()
    def good(self) -> None:
        self._submit(insert)

    @rule()
    def bad(self) -> None:
        self._submit(fail)

    @rule()
    def rolls_all_back(self) -> None:
        self._submit(
            lambda number: (
                lambda it: (insert(number)(it), it.execute("INSERT OR ROLLBACK INTO t SELECT v FROM t"))
            )
        )

    @rule()
    def hold(self) -> None:
        if self.blocked is None and not self.closed:
            wait(self.futures.values(), 30)
            self.blocked = Blocked(self.queue)

    @rule()
    def let_go(self) -> None:
        if self.blocked is not None:
            self.blocked.release()
            self.blocked = None

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        if self.futures:
            self.futures[data.draw(st.sampled_from(sorted(self.futures)))].cancel()

    @rule()
    def close(self) -> None:
        self.let_go()
        self.queue.close()
        self.closed = True

    @invariant()
    def what_was_told_is_there_and_nothing_else(self) -> None:
        if self.blocked is not None:
            return
        wait(self.futures.values(), 30)
        good = set()
        for number, future in self.futures.items():
            try:
                if future.exception(30) is None:
                    good.add(number)
            except CancelledError:
                pass
        assert values("stdlib", self.path) == sorted(good)

    def teardown(self) -> None:
        self.let_go()
        self.queue.close()


def test_no_order_of_events_loses_or_repeats_a_write(tmp_path: Path) -> None:
    Machine.folder = tmp_path
    run_state_machine_as_test(Machine, settings=examples(15))
