"""The corpus helper gives copies with the recorded times, and digests that match the manifests' form."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.support import corpus


@pytest.mark.parametrize("name", corpus.cases("v03"))
def test_copies_carry_the_recorded_times_to_the_nanosecond(name: str, tmp_path: Path) -> None:
    case = corpus.case(name, tmp_path)
    for item in case.manifest["objects"]:
        assert os.stat(case.replica / item["path"]).st_mtime_ns == item["mtime_ns"]


def test_digest_sees_a_changed_row(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with sqlite3.connect(file) as connection:
        connection.executescript("CREATE TABLE t(x); INSERT INTO t VALUES (1);")
    before = corpus.digest_of(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE t SET x = 2")
    connection.close()
    assert corpus.digest_of(file) != before
