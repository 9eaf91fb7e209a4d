"""What a replica says of how its WALs ended; nothing is what most of them say, and that is no failure."""

from __future__ import annotations

from collections.abc import Collection

from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.formats.sidecars import WalEnd
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_many

Ends = dict[int, WalEnd]


def load_ends(store: Store, generation: str, indexes: Collection[int]) -> Ends:
    """Return how those of the WALs `indexes` ended of which it is noted; costs a listing where none is."""
    wanted = set(indexes)
    if not wanted:
        return {}
    try:
        found = {
            info.key: name[1]
            for page in store.list(sidecars.prefix(generation))
            for info in page
            if (name := sidecars.parse_key(info.key)) is not None
            and name[1] in wanted
            and info.size <= sidecars.MOST_BYTES
        }
        read = list(get_many(store, list(found)))
    except StorageError:
        return {}
    ends = {found[key]: sidecars.decode(data) for key, data in read}
    return {index: end for index, end in ends.items() if end is not None}
