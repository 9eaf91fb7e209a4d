"""The slow reading of LTX agrees with Litestream itself and with the recorded truth, and sees damage."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from fastcrc import crc64

from tests.support import ltx_oracle as oracle
from tests.support.corpus import case, cases
from tests.support.ltx_peer import litestream_restores


def _restored(replica: Path, txid: int) -> bytes | None:
    try:
        return oracle.restore(replica, txid=txid)
    except oracle.NoPlan:
        return None


@pytest.mark.parametrize("name", cases("v05"))
def test_every_moment_is_the_recorded_one(name: str, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    for moment in replica.moments:
        before = datetime.fromisoformat(moment.timestamp) if moment.timestamp else None
        got = oracle.restore(replica.replica, before=before)
        assert sha256(got).hexdigest() == moment.file_sha256, moment.label


@pytest.mark.parametrize("name", cases("v05"))
def test_every_txid_is_what_litestream_makes_of_it(name: str, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    files = oracle.stored(replica.replica)
    newest = max(each.max_txid for each in files)
    answers = {}
    for txid in range(1, newest + 2):
        ours = answers[txid] = _restored(replica.replica, txid)
        assert ours == litestream_restores(tmp_path / "out.db", "-txid", f"{txid:016x}", replica.url), txid
    assert [txid for txid, answer in answers.items() if answer] == oracle.restorable(files)


@pytest.mark.parametrize("name", cases("v05"))
@pytest.mark.parametrize("encoding", [0, 1])
def test_litestream_reads_what_is_written(name: str, encoding: int, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    latest = oracle.restore(replica.replica)
    for each in oracle.stored(replica.replica):
        data = oracle.write(each.ltx, encoding=encoding)
        assert oracle.read(data) == replace(each.ltx, encodings=frozenset({encoding}))
        each.path.write_bytes(data)
    assert litestream_restores(tmp_path / "out.db", replica.url) == latest


def test_the_checksum_is_the_one_of_the_format() -> None:
    assert crc64.go_iso(b"123456789") == 0xB90956C775A41001


def test_a_file_without_a_change_seals_as_it_is(tmp_path: Path) -> None:
    for each in oracle.stored(case("v05-levels", tmp_path).replica):
        data = each.path.read_bytes()
        assert oracle.reseal(data) == data


def _small(encoding: int = 1) -> bytes:
    pages = {number: os.urandom(100) + bytes(412) for number in (1, 3)}
    return oracle.write(oracle.Ltx(512, 3, 2, 2, 1_774_519_200_000, pages), encoding=encoding)


@pytest.mark.parametrize("encoding", [0, 1])
def test_every_truncation_and_every_changed_byte_is_seen(encoding: int) -> None:
    """But for compressed bytes that decompress to the same page."""
    data = _small(encoding)
    truth = oracle.read(data)
    for length in range(len(data)):
        with pytest.raises(oracle.Damaged):
            oracle.read(data[:length])
    with pytest.raises(oracle.Damaged):
        oracle.read(data + b"\0")
    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << at % 8
        try:
            assert oracle.read(bytes(spoilt)) == truth, at
        except oracle.Damaged:
            continue


FALSE = {
    "a whole database lacks pages": {"min_txid": 1},
    "past the end": {"commit": 2},
    "TXIDs that cannot be": {"min_txid": 3},
    "page size of 1000": {"page_size": 1000},
    "unknown flags": {"flags": 4},
}


@pytest.mark.parametrize("what", FALSE)
def test_a_sealed_file_that_breaks_a_rule_is_refused(what: str) -> None:
    ltx = replace(oracle.read(_small()), **FALSE[what])
    with pytest.raises(oracle.Damaged, match=what):
        oracle.read(oracle.write(ltx))
