"""Failures inside the inspection process, in words the operator can use."""

from __future__ import annotations

import re
from typing import Literal

import apsw

from sqlite_recovery_tui.errors import FormatError

FailureKind = Literal[
    "cancelled",
    "changed",
    "damaged",
    "failed",
    "not-found",
    "refused",
    "stale",
    "timed-out",
    "too-large",
    "usage",
]
NOT_A_DATABASE = "not a SQLite database, or an encrypted one"

_DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.IOError, FormatError)
_DAMAGE_IN_WORDS = re.compile(r"malformed|corrupt|unsupported file format|vtable constructor failed", re.I)
_MISSING = re.compile(
    r"(?:no such (?P<what>collation sequence|function|module|tokenizer): ?(?P<name>.*)"
    r"|unknown (?P<what2>function|tokenizer): ?(?P<name2>.*))",
    re.I | re.S,
)
_WHAT = {"collation sequence": "collation"}


class Failure(Exception):
    """A request that cannot be answered: `kind` decides what the parent raises."""

    def __init__(self, kind: FailureKind, message: str, hint: str = "", *, place: int | None = None) -> None:
        """Say what failed; `place` is the byte of a statement at which it did."""
        super().__init__(message)
        self.place = place
        self.kind = kind
        self.message = message
        self.hint = hint


_Answer = tuple[FailureKind, str, str]
_IN_WORDS: tuple[tuple[tuple[type[Exception], ...], _Answer], ...] = (
    ((apsw.NotADBError,), ("damaged", NOT_A_DATABASE, "")),
    (
        (MemoryError, apsw.NoMemError, apsw.TooBigError),
        (
            "too-large",
            "needs more memory than an inspection may use",
            "Ask for less of it, with substr() for instance.",
        ),
    ),
    ((PermissionError,), ("refused", "permission denied", "Run as a user who may read the file.")),
    ((apsw.CantOpenError,), ("failed", "the file cannot be opened", "")),
    ((UnicodeError,), ("failed", "a name in it is not valid text", "")),
)


def explain(error: Exception) -> Failure:
    """Put an error of SQLite, Python or the system into words."""
    if isinstance(error, Failure):
        return error
    for kinds, answer in _IN_WORDS:
        if isinstance(error, kinds):
            return Failure(*answer)
    if is_damage(error):
        return Failure("damaged", str(error))
    if isinstance(error, OSError):
        return Failure("failed", error.strerror or "input/output error")
    if missing := missing_part(error):
        return Failure("failed", f"needs the {missing[0]} {missing[1]}, which only its application has")
    return Failure("failed", str(error) or type(error).__name__)


def is_damage(error: Exception) -> bool:
    """Tell whether SQLite says that the file itself is broken."""
    if isinstance(error, _DAMAGE):
        return True
    return isinstance(error, apsw.Error) and bool(_DAMAGE_IN_WORDS.search(str(error)))


def missing_part(error: Exception) -> tuple[str, str] | None:
    """Return what the application would have registered: ("collation", "german"), say; or None."""
    found = _MISSING.search(str(error)) if isinstance(error, apsw.Error) else None
    if not found:
        return None
    what = (found["what"] or found["what2"]).lower()
    name = (found["name"] if found["what"] else found["name2"]).strip()
    return _WHAT.get(what, what), name.removesuffix("()") or "(unnamed)"
