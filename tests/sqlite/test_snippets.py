"""What README shows of connections and the write queue works with the frameworks it names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

_HELD = """
def held(connection):
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    return [next(iter(connection.execute(f"PRAGMA {name}")))[0] for name in names]
"""
_GOOD = "['wal', 1, 1, 5000]"
_TABLE = """
import sqlite3
with sqlite3.connect("app.db") as made:
    made.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, body)")
made.close()
"""
_DJANGO = """
import django
from django.conf import settings
database = {
    "ENGINE": "django.db.backends.sqlite3", "NAME": "app.db", "OPTIONS": {"transaction_mode": "IMMEDIATE"}
}
settings.configure(DATABASES={"default": database})
django.setup()
"""
CASES = {
    'connection = connect("app.db")': ("", f"assert str(held(connection)) == {_GOOD!r}"),
    "from sqlite_utils": ("", "assert [row['body'] for row in database['entry'].rows] == ['hello']"),
    "from flask": (
        "",
        f"with app.app_context():\n    assert str(held(database())) == {_GOOD!r}\n"
        "    assert database() is database()",
    ),
    "from sqlalchemy": (
        "",
        "with engine.begin() as connection:\n"
        f"    assert str(held(connection.connection.driver_connection)) == {_GOOD!r}\n"
        "    connection.exec_driver_sql('CREATE TABLE t (a)')\n"
        "    connection.exec_driver_sql('INSERT INTO t VALUES (1)')\n"
        "with engine.connect() as connection:\n"
        "    assert connection.exec_driver_sql('SELECT a FROM t').scalar() == 1\n"
        "engine.dispose()",
    ),
    "from django": (
        _DJANGO,
        "from django.db import connection, transaction\n"
        "with transaction.atomic(), connection.cursor() as cursor:\n"
        "    cursor.execute('CREATE TABLE t (a)')\n"
        f"assert str(held(connection.connection)) == {_GOOD!r}",
    ),
    "WriteQueue": (_TABLE, "assert number == 1"),
}


def test_every_snippet_is_tried() -> None:
    assert len(SNIPPETS) == len(CASES)


@pytest.mark.parametrize("part", CASES)
def test_a_snippet_of_the_readme_works(part: str, tmp_path: Path) -> None:
    [snippet] = [text for text in SNIPPETS if part in text]
    before, after = CASES[part]
    subprocess.run(
        [sys.executable, "-c", "\n".join((before, snippet, _HELD, after))], cwd=tmp_path, check=True
    )
