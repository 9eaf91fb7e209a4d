"""From a TXID on: the cheapest changes that connect, and what is in the way where none do."""

from __future__ import annotations

import pytest

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.replica.ltx import LtxLineage
from tests.support.shelf import at


def _lineage(*files: tuple[int, int, int, int]) -> LtxLineage:
    """Return files given as level, first and last TXID, and size."""
    return LtxLineage.of(
        LtxFile(level, low, high, names.file_key(level, low, high), size, at(high))
        for level, low, high, size in files
    )


def _labels(files: tuple[LtxFile, ...]) -> list[str]:
    return [f"{file.level}:{file.min_txid}-{file.max_txid}" for file in files]


SYNCS = [(0, txid, txid, 10) for txid in range(1, 9)]


@pytest.mark.parametrize(
    ("files", "txid", "expected"),
    [
        (SYNCS, 5, ["0:6-6", "0:7-7", "0:8-8"]),
        (SYNCS, 8, []),
        ([*SYNCS, (1, 5, 8, 15)], 5, ["1:5-8"]),
        ([*SYNCS, (1, 5, 8, 35)], 5, ["0:6-6", "0:7-7", "0:8-8"]),
        ([*SYNCS[:5], (1, 5, 8, 99)], 6, ["1:5-8"]),
        ([*SYNCS[:6], SYNCS[7]], 4, ["0:5-5", "0:6-6"]),
        ([*SYNCS[:6], (9, 1, 8, 5)], 6, []),
        ([*SYNCS[:6], (9, 1, 8, 5)], 5, ["0:6-6"]),
        ([*SYNCS[:4], (2, 1, 8, 50)], 4, ["2:1-8"]),
        ([(9, 1, 3, 5), (1, 2, 5, 7), (0, 6, 6, 1), (0, 7, 7, 1)], 3, ["1:2-5", "0:6-6", "0:7-7"]),
    ],
)
def test_the_cheapest_way_on_as_far_as_it_goes(
    files: list[tuple[int, int, int, int]], txid: int, expected: list[str]
) -> None:
    assert _labels(_lineage(*files).onward(txid)) == expected


def test_a_file_that_will_not_do_is_gone_around() -> None:
    lineage = _lineage(*SYNCS, (1, 5, 8, 15))
    assert _labels(lineage.onward(5, {names.file_key(1, 5, 8)})) == ["0:6-6", "0:7-7", "0:8-8"]
    assert _labels(lineage.onward(5, {names.file_key(1, 5, 8), names.file_key(0, 7, 7)})) == ["0:6-6"]


def test_what_is_in_the_way_is_named() -> None:
    lineage = _lineage(*SYNCS[:5], *SYNCS[6:], (9, 1, 8, 50))
    hole = lineage.hole_behind(5)
    assert hole is not None
    assert "TXID 0000000000000006 is missing" in hole.message
    assert hole.after is not None
    assert hole.after.position.label == f"{8:016x}"
    assert lineage.hole_behind(8) is None
    only_base = _lineage(*SYNCS[:5], (9, 1, 8, 50)).hole_behind(5)
    assert only_base is not None
    assert "TXIDs 0000000000000006 to 0000000000000007 are missing" in only_base.message


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        (names.file_key(3, 1, 2), "ltx/0/"),
        (names.s3_key(3, 1, 2), "0000/"),
        ("/" + names.s3_key(9, 1, 2), "/0000/"),
        ("./" + names.s3_key(0, 1, 2), "./0000/"),
    ],
)
def test_levels_lie_side_by_side_in_every_layout(key: str, folder: str) -> None:
    assert names.sibling_folder(key, 0) == folder
    assert names.parse_key(names.sibling_folder(key, 7) + names.file_name(1, 2)) == names.LtxName(7, 1, 2)
