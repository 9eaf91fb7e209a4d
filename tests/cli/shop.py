"""A small database file for the commands that look into one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

SQL = """
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer TEXT NOT NULL DEFAULT 'nobody', paid REAL, raw BLOB);
CREATE INDEX by_customer ON orders(customer);
CREATE TRIGGER bite AFTER INSERT ON orders BEGIN SELECT 1; END;
CREATE VIEW large AS SELECT * FROM orders WHERE paid > 10;
INSERT INTO orders VALUES (1, 'Ann', 9.5, x'00ff'), (2, 'Bob ' || char(27) || '[31m', 1e999, NULL),
  (3, 'Cid', 12, zeroblob(3000));
"""


def make_shop(path: Path) -> Path:
    """Build the file at `path` and return that."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SQL)
        connection.commit()
    return path
