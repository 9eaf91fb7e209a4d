"""Whatever pages changed and however they were compacted: every stored TXID comes back, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.errors import DamagedError, NotFoundError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.target import AtTxid
from tests.support.ltx_world import World
from tests.support.properties import examples
from tests.support.shelf import folder, restore_to

pytestmark = pytest.mark.usefixtures("two_decoders")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return a history with growth and shrinkage, compactions that overlap, some files lost."""
    world = World(draw(st.sampled_from([512, 512, 1024, 4096, 65536])), framed=draw(st.booleans()))
    world.commit(draw(st.integers(1, 12)))
    for _ in range(draw(st.integers(0, 12))):
        size = draw(st.integers(1, 14))
        world.commit(size, draw(st.sets(st.integers(1, 14), max_size=5)))
    for level in (1, 2, 3):
        low = 1
        while low <= world.txid and draw(st.booleans()):
            high = draw(st.integers(low, min(world.txid, low + 5)))
            world.store(level, low, high)
            low = draw(st.integers(max(1, high - 1), high + 1))
            if high == world.txid:
                break
    for high in draw(st.lists(st.integers(1, world.txid), max_size=3)):
        world.store(9, 1, high)
    for key in draw(st.sets(st.sampled_from(world.shelf.keys()), max_size=4)):
        if len(world.shelf.objects) > 1:
            world.shelf.drop(key)
    return world


@examples(60)
@given(worlds())
def test_every_txid_comes_back(world: World) -> None:
    store = world.shelf.store()
    lineage = scan(store).ltx
    assert lineage is not None
    reachable = {step.txid for step in lineage.steps}
    with folder() as place:
        for txid in range(1, world.txid + 1):
            try:
                result = restore_to(place / "out.db", store, AtTxid(txid))
            except (DamagedError, NotFoundError):
                assert txid not in reachable
                continue
            assert (place / "out.db").read_bytes() == world.content(txid)
            assert result.position == Txid(txid)
            assert (result.continuity, result.unproven, result.lost) == ("proven", (), ())
            assert result.pages * result.page_size == len(world.content(txid))
            (place / "out.db").unlink()
            assert not list(place.iterdir()), "something was left behind"
