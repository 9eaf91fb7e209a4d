"""The scripted faults happen where they were asked for and nowhere else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sqlite_recovery_tui.errors import Unreachable
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.faults import FaultyStore


@pytest.fixture
def store() -> FaultyStore:
    memory = MemoryStore()
    memory.put("k", b"0123456789")
    memory.put("other", b"x")
    return FaultyStore(memory)


def test_it_fails_as_often_as_scripted(store: FaultyStore) -> None:
    assert isinstance(store, Store)
    store.fail("get", key="k", times=2)
    assert store.get("other") == b"x"
    for _ in range(2):
        with pytest.raises(Unreachable):
            store.get("k")
    assert store.get("k") == b"0123456789"
    assert store.count("get") == 4


def test_it_spoils_bytes_in_every_way_of_reading(store: FaultyStore) -> None:
    store.truncate(key="k", to=4, times=3)
    assert (store.get("k"), store.get_range("k", 2, 8)) == (b"0123", b"23")
    assert b"".join(store.stream("k", start=1, chunk_bytes=2)) == b"123"
    store.flip(key="k", offset=0)
    assert store.get("k") == b"1123456789"


def test_a_gate_holds_one_call(store: FaultyStore) -> None:
    gate = store.gate("get", key="k")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(store.get, "k")
        assert gate.entered.wait(10)
        assert store.get("other") == b"x"
        assert not future.done()
        gate.open()
        assert future.result(10) == b"0123456789"
