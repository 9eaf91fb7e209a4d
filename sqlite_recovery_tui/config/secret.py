"""Secrets that cannot be printed by accident: not by str, repr, format, logs, JSON, pickle or tracebacks."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import NoReturn

HIDDEN = "***"


class Secret:
    """A string that shows itself only to who asks with `reveal`; false when empty."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap `value`."""
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself; do not keep it in a variable for longer than one call."""
        return self._value

    def __str__(self) -> str:
        return HIDDEN

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: object) -> Secret:
        return self

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


def forget_locals(error: BaseException) -> None:
    """Empty the local variables of every finished frame in `error`'s tracebacks, keeping file and line.

    Readers of configuration hold secrets in plain variables while they work; a traceback printed with
    its locals would show them.
    """
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        _clear(following.__traceback__)
        following = following.__cause__ or following.__context__


def _clear(traceback: TracebackType | None) -> None:
    while traceback is not None:
        with contextlib.suppress(RuntimeError):  # a frame that still runs keeps its variables
            traceback.tb_frame.clear()
        traceback = traceback.tb_next
