"""A short eventful life of a database, stored by a real Litestream with compaction and snapshots."""

from __future__ import annotations

from pathlib import Path

from tests.support.litestream import Version
from tests.support.ltx_peer import LtxPeer, Place

PAGE_SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


def live(
    folder: Path, place: Place, *, version: Version = "0.5.17", page_size: int = 4096, expiring: bool = False
) -> LtxPeer:
    """Write a replica of a dozen transactions and return the peer, closed, with what it remembers.

    The database grows by random and by repeated content, shrinks, is checkpointed by its application
    and vacuumed. `expiring` deletes level-0 files once they are compacted, else they are kept.
    """
    kept = {} if expiring else {"l0-retention": "24h"}
    page = page_size
    with LtxPeer(folder, place, version=version, page_size=page_size, settings=kept) as peer:
        peer.commit(
            "CREATE TABLE words(id INTEGER PRIMARY KEY, word)",
            "CREATE TABLE other(id INTEGER PRIMARY KEY, word)",
            f"INSERT INTO words(word) VALUES (randomblob({3 * page}))",
        )
        peer.sync("first")
        for _ in range(2):
            peer.commit(f"INSERT INTO words(word) VALUES (hex(zeroblob({page})))")
            peer.sync()
        peer.compact(
            [f"INSERT INTO words(word) VALUES (randomblob({2 * page}))"],
            ["UPDATE words SET word = 'short' WHERE id = 1", "INSERT INTO other(word) VALUES ('a')"],
        )
        peer.commit("DELETE FROM words WHERE id < 3")
        peer.sync("deleted")
        peer.connection.execute("VACUUM")
        peer.sync("vacuumed")
        peer.commit(f"INSERT INTO words(word) VALUES (randomblob({page}))")
        peer.sync("grown")
        peer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        peer.commit("INSERT INTO other(word) VALUES ('b')")
        peer.sync("checkpointed")
        peer.commit("UPDATE other SET word = 'c'")
        peer.sync("kept", snapshot=True)
        peer.commit("INSERT INTO other(word) VALUES ('d')")
        peer.sync("last")
        return peer
