"""An application that commits thousands of rows a second, one by one, and notes each as soon as it is.

    python tests/support/full_speed.py DATABASE FILE

FILE holds the number of rows, eight bytes; what it says was committed was. SIGTERM ends it.
"""

from __future__ import annotations

import mmap
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_NUMBER = struct.Struct("<q")
_BURST, _PAUSE_SECONDS = 100, 0.02


def command(database: Path, noted: Path) -> list[str]:
    """Return the command line of the application."""
    return [sys.executable, str(Path(__file__)), str(database), str(noted)]


def committed(noted: Path) -> int:
    """Return how many rows were committed by now; 0 before it has begun."""
    data = noted.read_bytes() if noted.exists() else b""
    return int(_NUMBER.unpack(data)[0]) if data else 0


@contextmanager
def running(database: Path, noted: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the application until the end of the block."""
    with subprocess.Popen(command(database, noted)) as process:
        try:
            yield process
        finally:
            process.terminate()


def main(database: str, noted: str) -> None:
    """Write until SIGTERM."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    Path(noted).write_bytes(_NUMBER.pack(0))
    with (
        open(noted, "r+b") as file,
        mmap.mmap(file.fileno(), _NUMBER.size) as place,
        closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection,
    ):
        connection.execute("PRAGMA synchronous=NORMAL")
        number = 0
        while not told:
            number += 1
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, f"row {number} " * 20))
            _NUMBER.pack_into(place, 0, number)
            if not number % _BURST:
                time.sleep(_PAUSE_SECONDS)  # a loaded machine reads no faster than so many can be written


if __name__ == "__main__":
    main(*sys.argv[1:])
