"""Look into the newest state of a replica as the console does: its tables, and the first rows of one."""

import json
import sys
import tempfile
import time
from pathlib import Path

from sqlite_recovery_tui import config
from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.preview import open_preview
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.open import open_store

ROWS = 50


def main() -> None:
    """Print what is seen of a table, given a configuration, a database in it, and the table."""
    settings, database, table = sys.argv[1:]
    (ref,) = refs(config.load(Path(settings)), database)
    began = time.perf_counter()
    store = open_store(ref.replica, clock=SYSTEM)
    plan = make_plan(scan(store), Latest(), database=database, replica="", url=ref.replica.url)
    listed = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, open_preview(store, plan, Path(folder)) as preview:
        indexed = time.perf_counter()
        tables = [each.name for each in preview.inspector.tables()]
        page = preview.inspector.rows(table, limit=ROWS)
        looked = time.perf_counter()
        seen = {
            "tables": tables,
            "rows": [[cell.text for cell in row] for row in page.rows],
            "database_bytes": preview.size,
            "fetched_bytes": preview.bytes_fetched,
            "seconds": {"list": listed - began, "indexes": indexed - listed, "look": looked - indexed},
        }
    store.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
