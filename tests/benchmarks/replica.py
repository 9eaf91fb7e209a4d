"""Build the replicas that are measured: a snapshot and about 2,000 segments, data that halves under LZ4.

Run as a program, so that the memory it needs is gone before anything is measured.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.content import ROWS_PER_COMMIT, bodies, rows_of, scattered

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
_CHECKPOINT_FRAMES = 1000


def build(folder: Path, megabytes: int, segments: int) -> None:
    """Write `folder/app.db` and its complete replica `folder/bucket/replica`."""
    from tests.support.generation_writer import GenerationWriter

    rows = rows_of(megabytes)
    contents = bodies()
    with GenerationWriter(
        folder / "app.db", folder / "bucket" / "replica", generation_ids=["5f3a91c20b7de846"]
    ) as writer:
        connection = writer.connection
        connection.execute("CREATE TABLE data(id INTEGER PRIMARY KEY, body BLOB)")
        for first in range(0, rows, 50_000):
            with connection:
                count = min(50_000, rows - first)
                insert = "INSERT INTO data(body) VALUES (?)"
                connection.executemany(insert, ((next(contents),) for _ in range(count)))
            writer.checkpoint("TRUNCATE")
        writer.new_generation(START)
        for number in range(segments):
            with connection:
                changes = ((next(contents), scattered(number, each, rows)) for each in range(ROWS_PER_COMMIT))
                connection.executemany("UPDATE data SET body = ? WHERE id = ?", changes)
            writer.ship(START + timedelta(seconds=number + 1))
            if writer.position.offset > _CHECKPOINT_FRAMES * (24 + writer.page_size):
                writer.checkpoint("RESTART")


def build_listing(folder: Path, objects: int) -> None:
    """Write a replica of `objects` segments without content: only their names are ever looked at."""
    from sqlite_recovery_tui.demo.folder import folder_sink
    from sqlite_recovery_tui.formats import generations, lz4

    sink = folder_sink(folder / "bucket" / "replica")
    generation, nothing = "5f3a91c20b7de846", lz4.compress(b"")
    (folder / "app.db").touch()
    sink(generations.snapshot_key(generation, 0), [nothing], START)
    for number in range(objects - 1):
        key = generations.segment_key(
            generation, number // 100, number % 100 * 4120 + 32 * (number % 100 > 0)
        )
        sink(key, [nothing], START + timedelta(seconds=number + 1))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["restore", folder, megabytes, segments]:
            build(Path(folder), int(megabytes), int(segments))
        case ["list", folder, objects]:
            build_listing(Path(folder), int(objects))
        case _:
            sys.exit("usage: replica.py restore FOLDER MEGABYTES SEGMENTS | list FOLDER OBJECTS")
