"""A history of small databases as LTX files of any level, written without the code under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlite_recovery_tui.formats.ltx import names
from tests.support import ltx_oracle as oracle
from tests.support.shelf import Shelf, at

PAGE_SIZE = 512


def page(text: str) -> bytes:
    """Return a page that holds `text`."""
    return text.encode().ljust(PAGE_SIZE, b".")


@dataclass
class Story:
    """Commits one behind the other, TXID n stored n seconds after the start."""

    states: list[dict[int, bytes]] = field(default_factory=list)
    """The database behind each TXID, by page number."""
    syncs: list[oracle.Ltx] = field(default_factory=list)
    shelf: Shelf = field(default_factory=Shelf)

    def commit(self, changed: Mapping[int, str], size: int | None = None) -> int:
        """Change pages, set the size (None: as large as is needed), write level 0; return the TXID."""
        before = self.states[-1] if self.states else {}
        commit = size if size is not None else max([*before, *changed])
        images = {number: page(text) for number, text in changed.items()}
        state = {number: data for number, data in {**before, **images}.items() if number <= commit}
        self.states.append(state)
        self.syncs.append(self._ltx(len(self.states), len(self.states), images, commit))
        self._store(0, self.syncs[-1])
        return len(self.states)

    def compact(self, level: int, low: int, high: int) -> str:
        """Write TXIDs `low` to `high` as one file of `level`; return its key."""
        merged: dict[int, bytes] = {}
        for sync in self.syncs[low - 1 : high]:
            merged = {number: data for number, data in merged.items() if number <= sync.commit}
            merged.update(sync.pages)
        commit = self.syncs[high - 1].commit
        return self._store(level, self._ltx(low, high, merged, commit))

    def snapshot(self, txid: int) -> str:
        """Write the whole database behind `txid`; return its key."""
        return self._store(9, self._ltx(1, txid, self.states[txid - 1], self.syncs[txid - 1].commit))

    def forge(self, key: str, changed: Mapping[int, str]) -> None:
        """Change pages of a stored file and seal it again, so that only other files contradict it."""
        found = oracle.read(self.shelf.data(key))
        pages = {**found.pages, **{number: page(text) for number, text in changed.items()}}
        self.shelf.replace(key, oracle.write(self._ltx(found.min_txid, found.max_txid, pages, found.commit)))

    def bytes_at(self, txid: int) -> bytes:
        """Return the database file behind `txid`."""
        state = self.states[txid - 1]
        return b"".join(state[number] for number in sorted(state))

    def _ltx(self, low: int, high: int, pages: Mapping[int, bytes], commit: int) -> oracle.Ltx:
        milliseconds = round(at(high).timestamp() * 1000)
        return oracle.Ltx(PAGE_SIZE, commit, low, high, milliseconds, dict(pages))

    def _store(self, level: int, ltx: oracle.Ltx) -> str:
        key = names.file_key(level, ltx.min_txid, ltx.max_txid)
        self.shelf.objects[key] = (oracle.write(ltx), at(ltx.max_txid))
        return key


def level_zero(txid: int) -> str:
    """Return the key of one sync."""
    return names.file_key(0, txid, txid)


def shop() -> Story:
    """Return six commits that grow, shrink and grow again, compacted once, with one snapshot."""
    history = Story()
    history.commit({1: "head 1", 2: "a", 3: "b"})
    history.commit({1: "head 2", 2: "c"})
    history.commit({1: "head 3", 4: "d", 5: "e"})
    history.commit({1: "head 4", 3: "f"}, size=3)
    history.commit({1: "head 5", 4: "g"})
    history.commit({1: "head 6", 2: "h"})
    history.compact(1, 1, 2)
    history.compact(1, 3, 5)
    history.snapshot(5)
    return history
