"""Our command line, called in this process: the exit code and the document of one command."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.cli.main import run


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    document: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        """The members of the error."""
        return dict(self.document["error"])

    @property
    def txid(self) -> int:
        """The TXID that a restore reached."""
        return int(self.document["position"]["txid"], 16)


def sqlrecover(*words: str | Path) -> Answer:
    """Carry out a command line and return its answer."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run([*map(str, words), "--json"])
    return Answer(code, json.loads(out.getvalue()))


def restored(output: Path, where: Sequence[str | Path], *words: str) -> tuple[bytes, Answer]:
    """Restore what `words` ask for from `where`; return the database, which is deleted, and the answer."""
    answer = sqlrecover("restore", *words, "-o", output, *where)
    assert answer.code == 0, answer.document
    content = output.read_bytes()
    output.unlink()
    return content, answer


def refused(output: Path, where: Sequence[str | Path], *words: str) -> Answer:
    """Ask for a restore that is to be refused; nothing may be left of it."""
    answer = sqlrecover("restore", *words, "-o", output, *where)
    assert answer.code != 0, answer.document
    assert not output.exists()
    return answer
