"""Litestream 0.5.17's own restore command lines, word for word, give the same bytes from both programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpus import Case, case
from tests.support.same_words import assert_same_bytes

LINES = {
    "-config {config} -o {out} {database}": 0,
    "-config {config} -timestamp {time} -o {out} {database}": 0,
    "-config {config} -txid {txid} -o {out} {database}": 0,
    "-config {config} -parallelism 2 -no-expand-env -o {out} {database}": 0,
    "-if-replica-exists -if-db-not-exists -config {config} -o {out} {database}": 0,
    "-integrity-check full -o {out} {url}": 0,
    "-integrity-check=quick -txid={txid} -o={out} {url}": 0,
    "-integrity-check none -o {out} {url}": 0,
    "-force -o {out} {url}": 0,
    "-json -o {out} {url}": 0,
    "-dry-run -o {out} {url}": 0,
    "-dry-run -json -txid {txid} -o {out} {url}": 0,
    "-o {out} {url}": 0,
    "-timestamp={time} -o={out} {url}": 0,
    "-if-replica-exists -o {out} {nothing}": 0,
    "-if-replica-exists=true -o {out} {nothing}": 0,
    "-o {out} {nothing}": 3,
    "-txid {compacted} -o {out} {url}": 3,
    "-txid 00000000000000ff -o {out} {url}": 3,
    "-timestamp 2001-01-01T00:00:00Z -o {out} {url}": 3,
    "-config {config} -o {out} {database}.other": 3,
    "-txid {txid} -timestamp {time} -o {out} {url}": 2,
    "-f -txid {txid} -o {out} {url}": 2,
    "-f -timestamp {time} -o {out} {url}": 2,
    "{url}": 2,
}


@pytest.fixture
def replica(tmp_path: Path) -> Case:
    return case("v05-levels", tmp_path)


def _words(line: str, replica: Case, tmp_path: Path, out: Path) -> list[str]:
    database, config = tmp_path / "shop.db", tmp_path / "litestream.yml"
    config.write_text(f"dbs:\n  - path: {database}\n    replica:\n      path: {replica.replica}\n")
    (tmp_path / "nothing").mkdir(exist_ok=True)
    there = replica.manifest["checkpoints"][3]
    filled = line.format(
        config=config,
        out=out,
        database=database,
        time=there["timestamp"],
        txid=there["txid"],
        compacted=f"{7:016x}",
        url=replica.url,
        nothing=(tmp_path / "nothing").as_uri(),
    )
    return ["restore", *filled.split()]


@pytest.mark.parametrize("line", LINES)
def test_the_same_words_give_the_same_bytes(line: str, replica: Case, tmp_path: Path) -> None:
    assert_same_bytes(lambda out: _words(line, replica, tmp_path, out), "0.5.17", LINES[line], tmp_path)
