"""Whatever bytes a file has, looking into it ends, with a verdict and with rows or a sentence."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Limits
from tests.support.soak import usually

from .conftest import Inspect, Make

SQL = """
    PRAGMA page_size = 512;
    PRAGMA auto_vacuum = {auto_vacuum};
    CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, data BLOB, CHECK (length(name) > 0));
    CREATE TABLE b(k TEXT PRIMARY KEY, v REAL) WITHOUT ROWID;
    CREATE TABLE c(a REFERENCES a, g AS (a * 2) STORED);
    CREATE INDEX an ON a(name, length(data)); CREATE INDEX cp ON c(a) WHERE a > 5;
    CREATE VIRTUAL TABLE f USING fts5(body); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);
    CREATE VIEW v AS SELECT a.name, c.g FROM a JOIN c ON c.a = a.id;
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 60)
        INSERT INTO a SELECT x, 'name ' || x, zeroblob(x * 20) FROM n;
    INSERT INTO b SELECT name, id / 3.0 FROM a;
    INSERT INTO c SELECT id FROM a;
    INSERT INTO f SELECT name FROM a; INSERT INTO r SELECT id, id, id + 1 FROM a;
    DELETE FROM a WHERE id % 7 = 0; DELETE FROM c WHERE a % 7 = 0; PRAGMA user_version = 3;
"""
TRIES = usually(12, 50)
LIMITS = Limits(memory_bytes=256 << 20, call_seconds=3.0, check_seconds=5.0, grace_seconds=1.0)


@pytest.fixture(params=["NONE", "FULL"])
def original(request: pytest.FixtureRequest, make: Make) -> bytes:
    return make(SQL.format(auto_vacuum=request.param), "original.db").read_bytes()


def test_the_undamaged_file_is_sound(tmp_path: Path, inspect: Inspect, original: bytes) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(original)
    assert inspect(path).check("full").ok


@pytest.mark.parametrize("seed", range(usually(2, 8)))
def test_any_damage_ends_in_a_verdict(tmp_path: Path, inspect: Inspect, original: bytes, seed: int) -> None:
    choice = random.Random(seed)
    path = tmp_path / "app.db"
    path.write_bytes(original)
    inspector = inspect(path, LIMITS)
    verdicts: Counter[str] = Counter()
    for _ in range(TRIES):
        path.write_bytes(_damaged(original, choice))
        verdicts[_look_at_all(inspector)] += 1
    assert verdicts["damaged"] > TRIES / 3
    assert set(verdicts) <= {"ok", "damaged", "not-checkable", "timed-out"}


def _damaged(original: bytes, choice: random.Random) -> bytes:
    data = bytearray(original)
    kind = choice.randrange(5)
    for _ in range(choice.choice((1, 1, 3, 20))):
        # Headers of pages and the schema are where a change hurts.
        page = choice.choice((0, 0, 1, choice.randrange(len(data) // 512)))
        place = page * 512 + choice.choice((choice.randrange(16), choice.randrange(512)))
        if kind == 0:
            data[place] ^= 1 << choice.randrange(8)
        elif kind == 1:
            data[place] = choice.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            data[page * 512 : page * 512 + 512] = choice.randbytes(512)
        elif kind == 3:
            other = choice.randrange(len(data) // 512) * 512
            data[page * 512 : page * 512 + 512] = data[other : other + 512]
        else:
            data[place : place + 4] = choice.randrange(len(data) // 256).to_bytes(4, "big")
    return bytes(data[: choice.randrange(1, len(data))] if choice.random() < 0.05 else data)


def _look_at_all(inspector: Inspector) -> str:
    verdict = inspector.check("full").verdict
    inspector.foreign_keys()
    names = ["a", "b", "c", "f", "r", "v", "sqlite_schema"]
    for look in (
        inspector.summary,
        inspector.tables,
        *(lambda name=name: inspector.rows(name, offset=20, limit=30) for name in names),
        *(lambda name=name: inspector.count(name) for name in names),
        lambda: inspector.query("SELECT * FROM f WHERE f MATCH 'name'"),
    ):
        said = _said_by(look)
        assert said is None or (said and "\n" not in said)
    return verdict


def _said_by(look: Callable[[], object]) -> str | None:
    try:
        look()
    except RecoverError as error:
        return error.message
    return None


@pytest.mark.parametrize("size", [1, 99, 100, 511, 512, 513, 5000])
def test_any_length_ends_in_a_verdict(tmp_path: Path, inspect: Inspect, original: bytes, size: int) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(original[:size])
    inspector = inspect(path, LIMITS)
    assert _look_at_all(inspector) == "damaged"


def test_hostile_text_in_the_schema_and_the_rows_arrives_raw(make: Make, inspect: Inspect) -> None:
    """What is safe on a terminal is decided where it is printed."""
    text = "\x1b]52;c;cm0=\x07\x1b[2J\x9b31m\u202e[link=x]"
    name = f'"{text}"'
    path = make(f"CREATE TABLE {name}({name}); INSERT INTO {name} VALUES ({name.replace(chr(34), chr(39))})")
    inspector = inspect(path)
    page = inspector.rows(text)
    assert (inspector.tables()[0].name, page.columns, page.rows[0][0].value) == (text, (text,), text)
