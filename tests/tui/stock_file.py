"""A database file with many rows, many columns, an index, JSON, a picture, a moment, a huge value."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

ROWS = 30_000
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x06\0\0\0" + bytes(200)
DOCUMENT = '{"sku": 17, "tags": ["red", "large"], "nested": {"none": null}}'


def make_stock(path: Path, *, large: int = 100_000_000) -> Path:
    """Build the file at `path` and return that."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(
            """
            CREATE TABLE goods(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, price REAL DEFAULT 1.5);
            CREATE INDEX by_kind ON goods(kind);
            CREATE TABLE things(id INTEGER PRIMARY KEY, thing);
            CREATE VIEW dear AS SELECT * FROM goods WHERE price > 200;
            """
        )
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO goods SELECT i * 2, 'kind ' || (i % 7), i % 1000 / 4.0 FROM n",
            (ROWS,),
        )
        values = (DOCUMENT, PNG, 1774519200)
        connection.executemany("INSERT INTO things(thing) VALUES (?)", [(value,) for value in values])
        connection.execute("INSERT INTO things(thing) VALUES (zeroblob(?))", (large,))
        connection.execute(f"CREATE TABLE wide({', '.join(f'column_{number}' for number in range(2000))})")
        connection.execute("INSERT INTO wide(column_0, column_1999) VALUES (1, 7)")
        connection.execute(
            "CREATE TRIGGER bite AFTER INSERT ON goods BEGIN UPDATE things SET thing = NULL; END"
        )
        connection.commit()
    return path
