"""Reading ahead: in order, bounded in number and bytes, stoppable, and quick to let go."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sqlite_recovery_tui.errors import Cancelled, ObjectNotFound, Unreachable
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.ahead import AHEAD_PER_THREAD, Bounds, ahead
from sqlite_recovery_tui.storage.many import get_many
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.faults import FaultyStore, Gate


def remote(count: int, size: int = 10) -> tuple[FaultyStore, list[str]]:
    memory = MemoryStore()
    keys = [f"{number:04}" for number in range(count)]
    for key in keys:
        memory.put(key, key.encode() * (size // 4 + 1))
    return FaultyStore(memory, is_local=False), keys


@pytest.fixture
def gates() -> Iterator[list[Gate]]:
    """Gates that are opened at the end, so that no thread is left waiting."""
    made: list[Gate] = []
    yield made
    for gate in made:
        gate.open()


def test_order_is_kept_when_the_first_is_the_slowest(gates: list[Gate]) -> None:
    store, keys = remote(8)
    gates.append(store.gate("get", key=keys[0]))
    results = get_many(store, keys, concurrency=4)
    first: list[tuple[str, bytes]] = []
    reader = threading.Thread(target=lambda: first.append(next(results)))
    reader.start()
    assert gates[0].entered.wait(10)
    gates[0].open()
    reader.join(10)
    assert [key for key, _ in [*first, *results]] == keys


def test_a_time_out_of_the_job_is_no_time_out_of_waiting_for_it() -> None:
    def late(job: int) -> int:
        raise TimeoutError(f"job {job}")

    results = ahead(late, [1], Bounds(1), expected=None, measure=lambda _: 0, cancel=CancelToken())
    with pytest.raises(TimeoutError, match="job 1"):
        next(results)


def test_look_ahead_is_bounded_in_number(gates: list[Gate]) -> None:
    store, keys = remote(500)
    results = get_many(store, keys, concurrency=2)
    next(results)
    gates.append(store.gate("get", key=keys[1 + 2 * AHEAD_PER_THREAD + 5]))
    assert store.count("get") <= 1 + 2 * AHEAD_PER_THREAD
    results.close()  # type: ignore[attr-defined]


def test_look_ahead_is_bounded_in_bytes() -> None:
    store, keys = remote(100, size=1000)
    results = get_many(store, keys, sizes=[1000] * 100, concurrency=16, ahead_bytes=3500)
    for number in range(1, 50):
        next(results)
        assert store.count("get") <= number + 3
    results.close()  # type: ignore[attr-defined]


def test_without_sizes_the_largest_so_far_counts() -> None:
    store, keys = remote(200, size=1000)
    results = get_many(store, keys, concurrency=2, ahead_bytes=2500)
    next(results)
    for number in range(1, 40):
        next(results)
        assert store.count("get") <= max(2 * AHEAD_PER_THREAD, number + 2)
    results.close()  # type: ignore[attr-defined]


def test_an_object_larger_than_the_bound_still_comes() -> None:
    store, keys = remote(5, size=1000)
    assert len(list(get_many(store, keys, sizes=[1000] * 5, concurrency=4, ahead_bytes=1))) == 5


def test_the_first_error_in_order_is_raised() -> None:
    store, keys = remote(10)
    store.fail("get", key=keys[7], error=Unreachable("seven"))
    store.fail("get", key=keys[3], error=Unreachable("three"))
    seen: list[str] = []
    with pytest.raises(Unreachable, match="three"):
        seen.extend(key for key, _ in get_many(store, keys, concurrency=4))
    assert seen == keys[:3] or not seen


@pytest.mark.parametrize("wrong", [0, 5, 97, 499])
def test_all_that_is_in_front_of_an_error_comes(wrong: int) -> None:
    store, keys = remote(500)
    store.fail("get", key=keys[wrong], error=Unreachable("here"))
    seen: list[str] = []
    with pytest.raises(Unreachable, match="here"):
        seen.extend(key for key, _ in get_many(store, keys, sizes=[10] * 500, concurrency=4))
    assert seen == keys[:wrong]
    assert [key for key, _ in get_many(store, keys, sizes=[10] * 500, concurrency=4)] == keys


def test_cancel_does_not_wait_for_what_is_under_way(gates: list[Gate]) -> None:
    store, keys = remote(10)
    gates.append(store.gate("get", key=keys[0], times=1))
    token = CancelToken()
    results = get_many(store, keys, concurrency=2, cancel=token)
    stopped = threading.Event()

    def read() -> None:
        with pytest.raises(Cancelled):
            next(results)
        stopped.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert gates[0].entered.wait(10)
    token.cancel()
    assert stopped.wait(5)
    reader.join()


def test_a_reader_that_stops_leaves_no_work_behind() -> None:
    store, keys = remote(1000)
    results = get_many(store, keys, concurrency=4)
    next(results)
    results.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name.startswith("fetch"):
            thread.join(10)
            assert not thread.is_alive()
    assert store.count("get") < 50


def test_local_stores_are_read_one_by_one_and_cancel_between() -> None:
    store, keys = remote(5)
    store.is_local = True
    token = CancelToken()
    results = get_many(store, keys, cancel=token)
    next(results)
    assert store.count("get") == 1
    token.cancel()
    with pytest.raises(Cancelled):
        next(results)


def test_nothing_asked_nothing_given_and_missing_is_missing() -> None:
    store, _ = remote(1)
    assert list(get_many(store, [])) == []
    with pytest.raises(ObjectNotFound):
        list(get_many(store, ["none", "nothing"], concurrency=2))
