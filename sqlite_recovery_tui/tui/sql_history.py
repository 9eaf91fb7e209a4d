"""What was asked in SQL: kept for this session and, in a private file of bounded length, for the next."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

MOST = 500
"""Statements that are kept."""
MOST_CHARACTERS = 20_000
"""Of one statement; longer ones are kept for this session only."""
NAME = "sql.jsonl"


class SqlHistory:
    """Statements, oldest first, each once."""

    def __init__(self, kept: Sequence[str] = ()) -> None:
        """Begin with what was kept before."""
        self.statements = list(kept)[-MOST:]

    def add(self, statement: str) -> None:
        """Put a statement at the end, wherever it stood before."""
        with suppress(ValueError):
            self.statements.remove(statement)
        self.statements.append(statement)
        del self.statements[:-MOST]

    def older(self, place: int | None, typed: str) -> int | None:
        """Return the place of the statement before `place` that begins with `typed`; None: there is none."""
        end = len(self.statements) if place is None else place
        places = (i for i in range(end - 1, -1, -1) if self.statements[i].startswith(typed))
        return next(places, None)

    def newer(self, place: int | None, typed: str) -> int | None:
        """Return the place of the one after `place` that begins with `typed`; None: there is none."""
        if place is None:
            return None
        places = (i for i in range(place + 1, len(self.statements)) if self.statements[i].startswith(typed))
        return next(places, None)


def load(folder: Path) -> list[str]:
    """Return the statements kept in `folder`; none where the file cannot be read, whatever it holds."""
    found: list[str] = []
    with suppress(OSError), open(folder / NAME, encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                statement = json.loads(line)
                if isinstance(statement, str) and statement:
                    found.append(statement)
    return found[-MOST:]


def keep(folder: Path, statement: str) -> None:
    """Add a statement to the file in `folder`, which stays short; a failure of that is nobody's business."""
    if len(statement) > MOST_CHARACTERS:
        return
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        history = SqlHistory(load(folder))
        history.add(statement)
        draft = folder / f".{NAME}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with open(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(each) + "\n" for each in history.statements)
        draft.replace(folder / NAME)
