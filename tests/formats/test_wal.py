"""Frames verified in bulk give the very answer of the rule applied word by word, and of SQLite itself."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import generations, lz4, wal
from tests.support import corpus
from tests.support.properties import examples
from tests.support.wals import Wal, sequential_checksum

PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
pairs = st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))


def parse(data: bytes) -> tuple[wal.WalHeader, wal.Frames, wal.Verified]:
    """Read a whole WAL; a frame cut short at its end is left out, as SQLite does."""
    header = wal.parse_header(data)
    whole = (len(data) - wal.HEADER_SIZE) // header.frame_size
    body = memoryview(data)[wal.HEADER_SIZE : wal.HEADER_SIZE + whole * header.frame_size]
    frames = wal.split_frames(body, header.page_size)
    return header, frames, wal.verify_frames(header, frames, header.checksum)


def sequential_count(data: bytes, *, big_endian: bool, page_size: int) -> int:
    """Number of valid frames by the plain rule: salts of the header, checksum chained, page not 0."""
    salts, stored = data[16:24], struct.unpack(">II", data[24:32])
    count, at = 0, 32
    while at + 24 + page_size <= len(data):
        frame = data[at : at + 24 + page_size]
        chained = sequential_checksum(frame[:8] + frame[24:], stored, big_endian=big_endian)
        stored = struct.unpack(">II", frame[16:24])
        if frame[8:16] != salts or chained != stored or frame[:4] == bytes(4):
            break
        count, at = count + 1, at + 24 + page_size
    return count


@examples(200)
@given(st.binary(max_size=4096), pairs, st.booleans())
def test_the_checksum_is_the_sequential_one(data: bytes, start: tuple[int, int], big_endian: bool) -> None:
    data = data[: len(data) // 8 * 8]
    expected = sequential_checksum(data, start, big_endian=big_endian)
    assert wal.checksum(data, start, big_endian=big_endian) == expected


def test_the_checksum_holds_at_the_edges_of_32_bits() -> None:
    data = b"\xff" * 65536
    for big_endian in (False, True):
        start = (0xFFFFFFFF, 0xFFFFFFFF)
        assert wal.checksum(data, start, big_endian=big_endian) == sequential_checksum(
            data, start, big_endian=big_endian
        )
    assert wal.checksum(b"", (1, 2), big_endian=False) == (1, 2)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("big_endian", [False, True])
def test_frames_of_every_page_size_and_byte_order_hold(page_size: int, big_endian: bool) -> None:
    rng = random.Random(page_size)
    made = Wal(page_size, big_endian, sequence=9, salts=(0xFFFFFFFF, 0))
    for number in range(5):
        made.frame(number + 1, 7 if number % 2 else 0, rng.randbytes(page_size))
    header, frames, verified = parse(bytes(made.data))
    assert (header.page_size, header.sequence, header.salt1, header.salt2) == (page_size, 9, 0xFFFFFFFF, 0)
    assert header.big_endian is big_endian
    assert frames.pgno.tolist() == [1, 2, 3, 4, 5]
    assert frames.commit.tolist() == [0, 7, 0, 7, 0]
    assert frames.last_commit == 4
    assert verified == wal.Verified(5, made.checksum, "")


@examples(60)
@given(
    st.sampled_from([512, 1024, 4096]),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 0xFFFFFFFF), st.integers(0, 9)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
    st.data(),
)
def test_bulk_and_sequential_rule_agree_on_damage(
    page_size: int,
    big_endian: bool,
    listed: list[tuple[int, int]],
    rng: random.Random,
    data: st.DataObject,
) -> None:
    made = Wal(page_size, big_endian)
    for page, commit in listed:
        made.frame(page, commit, rng.randbytes(page_size))
    raw = bytearray(made.data)
    for _ in range(data.draw(st.integers(0, 2))):
        raw[data.draw(st.integers(32, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    expected = sequential_count(bytes(raw), big_endian=big_endian, page_size=page_size)
    _, frames, verified = parse(bytes(raw))
    assert verified.count == expected
    assert bool(verified.fault) == (expected < len(listed))
    if expected:
        end = 32 + expected * (24 + page_size)
        assert verified.checksum == struct.unpack_from(">II", raw, end - page_size - 8)
    assert len(frames) == len(listed)


def test_a_chain_can_be_verified_in_pieces() -> None:
    made = Wal(512)
    for number in range(20):
        made.transaction([(number + 1, number)], number + 1)
    header, frames, whole = parse(bytes(made.data))
    for cut in range(21):
        first = wal.verify_frames(header, frames.head(cut), header.checksum)
        second = wal.verify_frames(header, frames.slice(cut, 20), first.checksum)
        assert (first.count, second.count, second.checksum) == (cut, 20 - cut, whole.checksum)
        if cut > 1:
            wrong = wal.verify_frames(header, frames.slice(cut, 20), header.checksum)
            assert wrong.count == 0


def test_more_frames_than_one_product_takes_are_all_verified() -> None:
    made = Wal(512)
    image = made.image("x")
    for number in range(2500):  # 1.3 MB: more than one chunk
        made.frame(number + 1, 0, image)
    for broken in (0, 1955, 1957, 2499):
        raw = bytearray(made.data)
        raw[made.end_of(broken) + 100] ^= 1
        assert parse(bytes(raw))[2].count == broken


@pytest.mark.parametrize("big_endian", [False, True])
def test_no_flipped_bit_of_a_wal_passes(big_endian: bool) -> None:
    made = Wal(512, big_endian).transaction([(1, "a"), (2, "b")], 2).transaction([(1, "c")], 2)
    for bit in range(len(made.data) * 8):
        raw = bytearray(made.data)
        raw[bit // 8] ^= 1 << bit % 8
        if bit < 32 * 8:
            # The sequence number and version are covered by the header's checksum like all else.
            with pytest.raises(FormatError):
                wal.parse_header(raw)
            continue
        verified = parse(bytes(raw))[2]
        assert verified.count == (bit // 8 - 32) // made.frame_bytes
        assert verified.fault


def test_every_truncation_of_a_wal_ends_at_a_whole_frame_or_is_named() -> None:
    made = Wal(512).transaction([(1, "a"), (2, "b")], 2).transaction([(1, "c")], 2)
    for length in range(len(made.data)):
        raw = bytes(made.data[:length])
        if length < 32:
            with pytest.raises(FormatError, match="cut short"):
                wal.parse_header(raw)
            continue
        header = wal.parse_header(raw)
        if (length - 32) % made.frame_bytes:
            with pytest.raises(FormatError, match="whole number"):
                wal.split_frames(raw[32:], header.page_size)
        else:
            frames = wal.split_frames(raw[32:], header.page_size)
            assert wal.verify_frames(header, frames, header.checksum).count == len(frames)
            assert frames.last_commit == {0: 0, 1: 0, 2: 2}[len(frames)]


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, 0x377F0684, "not a WAL"),
        (0, 0x53514C69, "not a WAL"),
        (4, 3007001, "version"),
        (8, 1, "page size 1 "),
        (8, 256, "page size"),
        (8, 1000, "page size"),
        (8, 131072, "page size"),
        (8, 0, "page size"),
        (24, 0, "checksum"),
    ],
)
def test_what_is_no_wal_header_is_said_in_words(at: int, value: int, message: str) -> None:
    raw = bytearray(Wal(512).data)
    struct.pack_into(">I", raw, at, value)
    with pytest.raises(FormatError, match=message):
        wal.parse_header(raw)


def test_a_page_number_of_zero_ends_the_chain_even_with_a_good_checksum() -> None:
    made = Wal(512).transaction([(1, "a")], 1).transaction([(0, "b")], 1).transaction([(1, "c")], 1)
    verified = parse(bytes(made.data))[2]
    assert verified.count == 1
    assert "page number is 0" in verified.fault


def test_the_reason_says_whether_salts_or_checksum_fail() -> None:
    first, other = Wal(512), Wal(512, salts=(1, 2))
    other.checksum = first.checksum
    first.transaction([(1, "a")], 1)
    other.transaction([(1, "a")], 1)
    foreign = first.data[: first.end_of(1)] + other.data[32:]
    assert "another WAL" in parse(bytes(foreign))[2].fault
    twice = first.data + first.data[32:]
    assert "checksum" in parse(bytes(twice))[2].fault


def sqlite_wal(folder: Path, page_size: int, *statements: str) -> tuple[Path, bytes]:
    """A database and its WAL as SQLite leaves them when the process dies after `statements`."""
    live, dead = folder / "live.db", folder / "dead.db"
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA page_size={page_size}; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
            "PRAGMA cache_size=5; PRAGMA cache_spill=1;"
        )
        for statement in statements:
            connection.execute(statement)
        shutil.copy(live, dead)
        shutil.copy(f"{live}-wal", f"{dead}-wal")
    return dead, Path(f"{dead}-wal").read_bytes()


def overlay(database: Path, frames: wal.Frames, page_size: int) -> bytes:
    """The database file after the given committed frames, one by one."""
    pages = bytearray(database.read_bytes())
    count = frames.last_commit
    for number in range(count):
        end = int(frames.pgno[number]) * page_size
        pages.extend(bytes(max(0, end - len(pages))))
        pages[end - page_size : end] = frames.data[number, wal.FRAME_HEADER_SIZE :].tobytes()
    return bytes(pages[: int(frames.commit[count - 1]) * page_size])


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_sqlites_own_wals_hold_and_give_sqlites_own_database(page_size: int, tmp_path: Path) -> None:
    dead, raw = sqlite_wal(
        tmp_path,
        page_size,
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
        "WITH RECURSIVE n(v) AS (VALUES(1) UNION ALL SELECT v+1 FROM n WHERE v<40)"
        " INSERT INTO t SELECT v, randomblob(300) FROM n",
        "DELETE FROM t WHERE a % 3 = 0",
        "VACUUM",
    )
    header, frames, verified = parse(raw)
    assert header.page_size == page_size
    assert verified.fault == ""
    assert frames.last_commit == len(frames)
    expected = overlay(dead, frames, page_size)
    with closing(sqlite3.connect(dead)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert dead.read_bytes() == expected


def test_frames_of_a_rolled_back_spill_have_the_salts_and_are_not_taken(tmp_path: Path) -> None:
    many = (
        "WITH RECURSIVE n(v) AS (VALUES(1) UNION ALL SELECT v+1 FROM n WHERE v<200)"
        " INSERT INTO t(b) SELECT randomblob(900) FROM n"
    )
    dead, raw = sqlite_wal(
        tmp_path,
        1024,
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
        "INSERT INTO t(b) VALUES ('kept 1')",
        "BEGIN",
        many,
        "ROLLBACK",
        "INSERT INTO t(b) VALUES ('kept 2')",
    )
    header, frames, verified = parse(raw)
    good, behind = frames.head(verified.count), frames.slice(verified.count, len(frames))
    assert len(behind) > 20
    assert (behind.data[:, 8:16] == np.frombuffer(raw[16:24], np.uint8)).all()
    assert "checksum" in verified.fault
    expected = overlay(dead, good, header.page_size)
    with closing(sqlite3.connect(dead)) as connection:
        assert connection.execute("SELECT b FROM t").fetchall() == [("kept 1",), ("kept 2",)]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert dead.read_bytes() == expected


def test_frames_of_the_wal_before_lie_behind_and_are_not_taken(tmp_path: Path) -> None:
    _, raw = sqlite_wal(
        tmp_path,
        1024,
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
        *["INSERT INTO t(b) VALUES (randomblob(900))"] * 20,
        "PRAGMA wal_checkpoint(RESTART)",
        "INSERT INTO t(b) VALUES ('first of the next')",
    )
    header, frames, verified = parse(raw)
    assert header.sequence == 1
    assert 0 < verified.count < len(frames)
    assert "another WAL" in verified.fault


@pytest.mark.parametrize("case", corpus.cases("v03"))
def test_real_replicas_hold_frame_by_frame(case: str, tmp_path: Path) -> None:
    opened = corpus.case(case, tmp_path)
    page_size = opened.manifest["database"]["page_size"]
    for generation in opened.manifest["inventory"]["v03"]:
        folder = opened.replica / generations.generation_prefix(generation["generation"]) / "wal"
        for told in generation["wal"]:
            parts = sorted(folder.glob(f"{told['index']:08x}_*"))
            raw = b"".join(lz4.decompress(path.read_bytes(), max_bytes=1 << 30) for path in parts)
            header, frames, verified = parse(raw)
            assert (header.page_size, len(raw), len(parts)) == (page_size, told["bytes"], told["segments"])
            assert (verified.fault, verified.count) == ("", told["frames"])
            assert np.count_nonzero(frames.commit) == told["commits"]
            expected = sequential_count(raw, big_endian=header.big_endian, page_size=page_size)
            assert verified.count == expected
