"""Two tables of a million rows compared: how long finding a thousand differences takes, in what memory."""

from __future__ import annotations

import json
import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.benchmarks.measure import Comparison, Contender, compare

ROWS = 1_000_000
DIFFERENCES = 1_000
_OURS = Path(sys.executable).with_name("sqlrecover")


def build(folder: Path, rows: int = ROWS) -> tuple[Path, Path]:
    """Write both databases into `folder`: a third of the differences each are missing, changed and new."""
    left, right = folder / "left.db", folder / "right.db"
    if right.exists():
        return left, right
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(left)) as connection, connection:
        connection.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, placed, total REAL, note TEXT)"
        )
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO orders "
            "SELECT i, i * 7919 % 50021, date(1.7e9 + i * 60, 'unixepoch'), i * 31 % 100000 / 100.0, "
            "printf('order %d of customer %d, to be left at the door', i, i * 7919 % 50021) FROM n",
            (rows,),
        )
        connection.commit()
        connection.execute("VACUUM INTO ?", (str(right),))
    _differ(right, rows)
    return left, right


def _differ(path: Path, rows: int) -> None:
    step = rows // (DIFFERENCES // 3)  # of 333 steps and one row: 334, 333 and 333
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DELETE FROM orders WHERE id % {step} = 1")
        connection.execute(f"UPDATE orders SET total = total + 1 WHERE id % {step} = 2")
        connection.execute(
            f"INSERT INTO orders SELECT id + {rows}, customer, placed, total, note FROM orders "
            f"WHERE id % {step} = 3"
        )


def differences(folder: Path, runs: int, rows: int = ROWS) -> Comparison:
    """Measure `sqlrecover diff` on both; what it counts must be right."""
    left, right = build(folder, rows)
    said = folder / "output.txt"

    def check() -> None:
        (table,) = json.loads(said.read_text())["tables"]
        found = [table[name] for name in ("removed", "changed", "added")]
        if sum(found) != DIFFERENCES or max(found) - min(found) > 1:
            raise RuntimeError(f"it found {found}")

    words = shlex.join([str(_OURS), "diff", "--json", str(left), str(right)])
    # It ends with 1 where something differs.
    ours = Contender("sqlrecover diff", ["sh", "-c", f'{words}; test "$?" -eq 1'], check)
    title = f"diff of two tables of {rows:,} rows with {DIFFERENCES:,} differences"
    return compare(title, [ours], runs, folder)
