"""A database that reaches over 1 GiB and hardly takes space: its middle was never written."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

from tests.support.ltx_oracle import lock_page


def make_big(database: Path, page_size: int, *, pages_to_lock: int) -> None:
    """Make a database that ends `pages_to_lock` pages in front of the lock page, which lies at 1 GiB.

    What is committed next grows it over the lock page. The pages between the first ones and the end
    belong to nothing, which SQLite minds only in an integrity check.
    """
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA page_size={page_size}")
        connection.execute("CREATE TABLE words(id INTEGER PRIMARY KEY, word)")
        connection.commit()
    pages = lock_page(page_size) - pages_to_lock
    with database.open("r+b") as file:
        file.truncate(pages * page_size)
        file.seek(28)
        file.write(struct.pack(">I", pages))
