"""Exactly the names that Litestream v0.5 lists are taken for LTX files, in both layouts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats.ltx import names
from tests.support.properties import examples

FILE = "0000000000000001-00000000000000ff.ltx"
txids = st.integers(1, names.MAX_TXID)


@pytest.mark.parametrize(
    ("key", "level"),
    [
        (f"ltx/0/{FILE}", 0),
        (f"ltx/9/{FILE}", 9),
        (f"0000/{FILE}", 0),
        (f"0009/{FILE}", 9),
        (f"/0003/{FILE}", 3),
        (f"./0003/{FILE}", 3),
        (f"//0003/{FILE}", 3),
    ],
)
def test_both_layouts_are_read(key: str, level: int) -> None:
    assert names.parse_key(key) == names.LtxName(level, 1, 255)


@pytest.mark.parametrize(
    "key",
    [
        FILE,
        f"ltx/{FILE}",
        f"ltx/00/{FILE}",
        f"ltx/10/{FILE}",
        f"ltx/a/{FILE}",
        f"ltx/0000/{FILE}",
        f"/ltx/0/{FILE}",
        f"000a/{FILE}",
        f"0010/{FILE}",
        f"00000/{FILE}",
        f"../0000/{FILE}",
        f"///0000/{FILE}",
        f"other/0000/{FILE}",
        f"ltx/0/{FILE}.tmp",
        f"ltx/0/{FILE}\n",
        f"ltx/0/sub/{FILE}",
        "ltx/0/0000000000000001-00000000000000FF.ltx",
        "ltx/0/1-ff.ltx",
        "ltx/0/0000000000000000-00000000000000ff.ltx",
        "ltx/0/0000000000000002-0000000000000001.ltx",
        "ltx/0/٠000000000000001-00000000000000ff.ltx",
        "ltx/٠/0000000000000001-00000000000000ff.ltx",
    ],
)
def test_everything_else_is_somebody_elses(key: str) -> None:
    assert names.parse_key(key) is None


@examples(50)
@given(st.sampled_from(names.LEVELS), txids, txids)
def test_keys_are_read_back(level: int, one: int, other: int) -> None:
    name = names.LtxName(level, min(one, other), max(one, other))
    for spell in (names.file_key, names.s3_key):
        assert names.parse_key(spell(name.level, name.min_txid, name.max_txid)) == name


def test_keys_are_spelt_as_litestream_does() -> None:
    assert names.file_key(9, 1, 255) == f"ltx/9/{FILE}"
    assert names.s3_key(9, 1, 255) == f"0009/{FILE}"
