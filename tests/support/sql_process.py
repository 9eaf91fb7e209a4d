"""A process that reads a database with SQLite as an application would, one statement per line of stdin.

    python -m tests.support.sql_process PATH [MODE]

MODE is "rw" (the default) or "ro". Answers each JSON string with a line of JSON: rows or an error.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class SqlProcess:
    """The side of the test; waits for nobody who holds a lock."""

    def __init__(self, path: Path, mode: str = "rw") -> None:
        command = [sys.executable, "-S", str(Path(__file__)), str(path), mode]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, sql: str) -> dict[str, Any]:
        """Carry one statement out; return its rows or its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(sql) + "\n")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def rows(self, sql: str) -> list[Any]:
        answer = self.ask(sql)
        assert "rows" in answer, answer
        rows: list[Any] = answer["rows"]
        return rows

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def error(self, sql: str) -> str:
        answer = self.ask(sql)
        assert "error" in answer, answer
        return str(answer["error"])

    def kill(self) -> None:
        """End it as it stands, with whatever it holds."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def main(path: str, mode: str) -> None:
    connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=0, isolation_level=None)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"rows": connection.execute(json.loads(line)).fetchall()}
        except sqlite3.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer, default=repr), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "rw")
