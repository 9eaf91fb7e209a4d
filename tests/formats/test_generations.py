"""Only exact names count, and every name that is written is read back as what it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats.generations import (
    MAX_INDEX,
    ObjectName,
    generation_prefix,
    is_generation,
    is_note,
    parse_key,
    segment_key,
    snapshot_key,
)
from tests.support import corpus
from tests.support.properties import examples

G = "0123456789abcdef"
generations = st.text("0123456789abcdef", min_size=16, max_size=16)
indexes = st.integers(0, MAX_INDEX)
offsets = st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0x100000000, 0xFFFFFFFFFFFFFFFF))


@examples(300)
@given(generations, indexes, offsets)
@example(G, 0, 0)
@example(G, MAX_INDEX, 0xFFFFFFFF)
@example(G, 0, 0x100000000)
@example(G, 0, 0xFFFFFFFFFFFFFFFF)
def test_names_survive_the_way_there_and_back(generation: str, index: int, offset: int) -> None:
    segment, snapshot = segment_key(generation, index, offset), snapshot_key(generation, index)
    assert parse_key(segment) == ObjectName(generation, index, offset)
    assert parse_key(snapshot) == ObjectName(generation, index, None)
    assert segment.startswith(generation_prefix(generation))
    assert snapshot.startswith(generation_prefix(generation))
    assert is_generation(generation)


def test_the_spelling_is_litestreams() -> None:
    assert snapshot_key(G, 0x2A) == f"generations/{G}/snapshots/0000002a.snapshot.lz4"
    assert segment_key(G, 1, 0x1018) == f"generations/{G}/wal/00000001_00001018.wal.lz4"
    assert segment_key(G, 1, 0x123456789) == f"generations/{G}/wal/00000001_123456789.wal.lz4"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "generations/",
        f"generations/{G}",
        f"generations/{G}/",
        f"generations/{G}/snapshots/",
        f"generations/{G.upper()}/snapshots/00000000.snapshot.lz4",
        f"generations/{G[:15]}/snapshots/00000000.snapshot.lz4",
        f"generations/{G}0/snapshots/00000000.snapshot.lz4",
        f"generations/{G}/snapshots/0000002A.snapshot.lz4",
        f"generations/{G}/snapshots/0000000.snapshot.lz4",
        f"generations/{G}/snapshots/000000000.snapshot.lz4",
        f"generations/{G}/snapshots/00000000.snapshot.lz4.tmp",
        f"generations/{G}/snapshots/00000000.snapshot",
        f"generations/{G}/snapshots/00000000.wal.lz4",
        f"generations/{G}/snapshots/80000000.snapshot.lz4",
        f"generations/{G}/snapshots/ffffffff.snapshot.lz4",
        f"generations/{G}/snapshots/00000000.snapshot.lz4\n",
        f"generations/{G}/snapshots//00000000.snapshot.lz4",
        f"generations/{G}/snapshots/../snapshots/00000000.snapshot.lz4",
        f"generations/{G}/wal/00000000_00000000.wal.lz4.tmp",
        f"generations/{G}/wal/00000000_0000000.wal.lz4",
        f"generations/{G}/wal/00000000_0000000A.wal.lz4",
        f"generations/{G}/wal/00000000_012345678.wal.lz4",
        f"generations/{G}/wal/00000000_000000000.wal.lz4",
        f"generations/{G}/wal/00000000_10000000000000000.wal.lz4",
        f"generations/{G}/wal/80000000_00000000.wal.lz4",
        f"generations/{G}/wal/00000000-00000000.wal.lz4",
        f"generations/{G}/wal/00000000_00000000.wal.lz4 ",
        f" generations/{G}/wal/00000000_00000000.wal.lz4",
        f"/generations/{G}/wal/00000000_00000000.wal.lz4",
        f"./generations/{G}/wal/00000000_00000000.wal.lz4",
        f"generations/{G}/wal/٠٠٠٠٠٠٠٠_00000000.wal.lz4",
        f"generations/{G}/wal/00000000_00000000.wal.lz4/../../../../etc/passwd",
        f"x/generations/{G}/wal/00000000_00000000.wal.lz4",
        f"Generations/{G}/wal/00000000_00000000.wal.lz4",
        "../../etc/passwd",
        "ltx/0/0000000000000001-0000000000000001.ltx",
    ],
)
def test_anything_but_an_exact_name_is_somebody_elses_object(key: str) -> None:
    assert parse_key(key) is None


@examples(300)
@given(st.one_of(st.text(), st.from_regex(r"generations/[0-9a-fA-F]{15,17}/(snapshots|wal)/.{0,40}")))
def test_what_is_accepted_is_spelt_as_it_would_be_written(key: str) -> None:
    name = parse_key(key)
    if name is None:
        return
    if name.offset is None:
        assert key == snapshot_key(name.generation, name.index)
    else:
        assert key == segment_key(name.generation, name.index, name.offset)


@pytest.mark.parametrize("name", ["", G[:15], G + "0", G.upper(), f"{G[:15]}g", f"{G}\n", f"{G[:14]}٠١"])
def test_generation_ids_are_sixteen_lower_case_digits(name: str) -> None:
    assert not is_generation(name)


@pytest.mark.parametrize("case", corpus.cases("v03"))
def test_every_name_in_a_real_replica_is_understood(case: str, tmp_path: object) -> None:
    for item in corpus.case(case, tmp_path).manifest["objects"]:  # type: ignore[arg-type]
        if item["path"].startswith("generations/"):
            assert parse_key(item["path"]) is not None, item["path"]


def test_what_our_daemon_notes_beside_the_layout_is_known() -> None:
    good = ("sqlrecover/0429e9bdf37af636/00000000.json", "sqlrecover/lease/00000001.json")
    assert all(map(is_note, good))
    bad = ("sqlrecover/x.json", "sqlrecover/lease/1.json", "x/sqlrecover/lease/00000001.json")
    assert not any(map(is_note, bad))
