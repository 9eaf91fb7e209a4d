"""Whether files that lead to one TXID by different ways leave the same database, by a hash per page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xxhash

from sqlite_recovery_tui.domain import LtxFile

_LOCK_BYTE = 0x40000000  # the page that holds it is in no file

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Sheet:
    """The pages of one file: their numbers, rising, and a hash of each; the database's size behind it."""

    page_size: int
    commit: int
    numbers: Numbers
    hashes: Hashes

    @classmethod
    def of(
        cls, page_size: int, commit: int, chunks: Iterable[tuple[Numbers, npt.NDArray[np.uint8]]]
    ) -> Sheet:
        """Hash the pages of `chunks`: numbers, and images as rows."""
        numbers: list[Numbers] = []
        hashes: list[int] = []
        for these, pages in chunks:
            numbers.append(these)
            hashes += [xxhash.xxh3_64_intdigest(memoryview(row)) for row in pages]
        joined = np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.uint32)
        return cls(page_size, commit, joined, np.array(hashes, dtype=np.uint64))


class Agreement:
    """The database as the finest files leave it, and how others differ from it; 16 bytes for each page."""

    def __init__(self) -> None:
        """Begin in front of the first TXID."""
        self.txid = 0
        self.page_size = 0
        self._hashes: Hashes = np.zeros(0, dtype=np.uint64)
        self._since: Hashes = np.zeros(0, dtype=np.uint64)
        """For each page the first TXID of the file that it is from; 0: from none."""

    def follows(self, file: LtxFile) -> bool:
        """Tell whether the state goes on with `file`."""
        connects = file.is_base or 0 < file.min_txid - 1 <= self.txid
        return connects and file.max_txid > self.txid

    def apply(self, file: LtxFile, sheet: Sheet) -> tuple[int, ...]:
        """Go on with `file`; return the numbers of pages that the database has and no file holds."""
        known = np.zeros(0, dtype=np.uint64) if file.is_base else self._hashes[: sheet.commit]
        since = np.zeros(0, dtype=np.uint64) if file.is_base else self._since[: sheet.commit]
        self._hashes = _grown(known, sheet.commit)
        self._since = _grown(since, sheet.commit)
        places = sheet.numbers.astype(np.intp) - 1
        self._hashes[places] = sheet.hashes
        self._since[places] = file.min_txid
        self.txid, self.page_size = file.max_txid, sheet.page_size
        missing = np.flatnonzero(self._since == 0) + 1
        lock_page = _LOCK_BYTE // sheet.page_size + 1
        return tuple(number for number in missing.tolist() if number != lock_page)

    def differences(self, file: LtxFile, sheet: Sheet) -> int:
        """Return in how many pages `file`, which ends at this TXID, contradicts the state."""
        if (sheet.commit, sheet.page_size) != (len(self._hashes), self.page_size):
            return max(1, abs(sheet.commit - len(self._hashes)))
        places = sheet.numbers.astype(np.intp) - 1
        altered = int(np.count_nonzero(self._hashes[places] != sheet.hashes))
        changed = self._since >= file.min_txid
        changed[places] = False
        return altered + int(np.count_nonzero(changed))


def _grown(known: Hashes, length: int) -> Hashes:
    """Return a copy of `known` with zeros behind it, `length` long."""
    return np.concatenate([known, np.zeros(length - len(known), dtype=np.uint64)])
