"""Litestream 0.3.13's own restore command lines, word for word, give the same bytes from both programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpus import Case, case
from tests.support.same_words import assert_same_bytes

LINES = {
    "-config {config} -o {out} {database}": 0,
    "-config {config} -timestamp {time} -o {out} {database}": 0,
    "-replica near -config {config} -o {out} {database}": 0,
    "-config {config} -generation {generation} -index {index} -o {out} {database}": 0,
    "-config {config} -parallelism 2 -no-expand-env -o {out} {database}": 0,
    "-if-replica-exists -if-db-not-exists -config {config} -o {out} {database}": 0,
    "-o {out} {url}": 0,
    "-timestamp={time} -o={out} {url}": 0,
    "-if-replica-exists -o {out} {nothing}": 0,
    "-o {out} {nothing}": 3,
    "-if-replica-exists=true -o {out} {nothing}": 0,
    "-config {config} -replica far -o {out} {database}": 3,
    "-config {config} -o {out} {database}.other": 3,
    "{url}": 2,
}


@pytest.fixture
def replica(tmp_path: Path) -> Case:
    return case("v03-snapshots", tmp_path)


def _words(line: str, replica: Case, tmp_path: Path, out: Path) -> list[str]:
    database, config = tmp_path / "shop.db", tmp_path / "litestream.yml"
    config.write_text(
        f"dbs:\n  - path: {database}\n    replicas:\n      - path: {replica.replica}\n        name: near\n"
    )
    (tmp_path / "nothing").mkdir(exist_ok=True)
    where = replica.manifest["checkpoints"][3]["position"]
    filled = line.format(
        config=config,
        out=out,
        database=database,
        time=replica.manifest["checkpoints"][2]["timestamp"],
        generation=where["generation"],
        index=f"{where['index']:08x}",
        url=replica.url,
        nothing=(tmp_path / "nothing").as_uri(),
    )
    return ["restore", *filled.split()]


@pytest.mark.parametrize("line", LINES)
def test_the_same_words_give_the_same_bytes(line: str, replica: Case, tmp_path: Path) -> None:
    assert_same_bytes(lambda out: _words(line, replica, tmp_path, out), "0.3.13", LINES[line], tmp_path)
