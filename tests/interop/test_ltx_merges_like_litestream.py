"""LTX files lie over one another as Litestream lays them, also where a history makes no sense."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.storage.files import FileStore
from tests.support.ltx_peer import litestream_restores
from tests.support.ltx_world import World, image
from tests.support.properties import examples
from tests.support.shelf import folder, restore_to

SIZES = st.integers(1, 8)
CHANGES = st.lists(st.tuples(SIZES, st.sets(SIZES, max_size=5)), max_size=6)


def ours(root: Path, output: Path) -> bytes | None:
    """Return what we restore; None when we refuse."""
    try:
        restore_to(output, FileStore(root))
    except DamagedError:
        return None
    content = output.read_bytes()
    output.unlink()
    return content


@examples(25)
@given(SIZES, CHANGES, st.booleans(), st.sampled_from([512, 4096]))
def test_any_files_give_what_litestream_makes_of_them(
    size: int, changes: list[tuple[int, set[int]]], framed: bool, page_size: int
) -> None:
    """Pages that were cut off come back without content, or the database grows without any."""
    world = World(page_size, framed=framed)
    world.commit(size)
    for txid, (pages, changed) in enumerate(changes, start=2):
        content = {page: image(page_size, 1000 * txid + page) for page in changed if page <= pages}
        world.put(0, txid, txid, pages, content)
    with folder() as place:
        root = world.shelf.write_to(place / "replica")
        theirs = litestream_restores(place / "theirs.db", root.as_uri())
        assert ours(root, place / "ours.db") == theirs
