"""Expansion of `$NAME` and `${NAME}` over a whole text, exactly as Litestream's configuration has it.

Go's `os.Expand` knows no escape: `$` and one of `*#$@!?-` or a digit is a name of one character, `${}`
and an unclosed `${` vanish, and a `$` before anything else stays. Where each piece of the result came
from is kept, so that errors can name the line as it stands in the file.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(
    r"\$(?:"
    r"\{(?P<braced>[^}]+)\}"
    r"|(?P<vanishing>\{\}|\{)"
    r"|(?P<special>[*#$@!?\-0-9])"
    r"|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)"
    r")"
)
_MOST_UNSET = 20
_SPEAKING = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Unset:
    """A variable that is not set; `name` is empty where showing it might show part of a secret."""

    line: int
    name: str


@dataclass(frozen=True, slots=True, repr=False)
class Expanded:
    """A text after expansion; it holds secrets, so it does not show itself."""

    text: str
    source: str
    pieces: tuple[tuple[int, int, bool], ...]
    """Start in `text`, start in `source`, and whether the piece came from a variable."""
    breaks: tuple[int, ...]
    """Where each line of `source` ends."""
    unset: tuple[Unset, ...]

    def line(self, index: int) -> int:
        """Return the 1-based line of the file that character `index` of the expanded text comes from."""
        start, source_start, inserted = self._piece(index)
        return _line(self.breaks, source_start if inserted else source_start + index - start)

    def inserted(self, start: int, end: int) -> bool:
        """Tell whether any of the characters `start` to `end` came from a variable."""
        first, last = self._index(start), self._index(max(start, end - 1))
        return any(piece[2] for piece in self.pieces[first : last + 1])

    def _piece(self, index: int) -> tuple[int, int, bool]:
        return self.pieces[self._index(index)]

    def _index(self, index: int) -> int:
        return max(0, bisect_right(self.pieces, index, key=lambda piece: piece[0]) - 1)


def expand(source: str, environ: Mapping[str, str]) -> Expanded:
    """Replace every reference in `source` by its variable, an unset one by nothing."""
    out: list[str] = []
    pieces: list[tuple[int, int, bool]] = []
    unset: list[Unset] = []
    breaks = _breaks(source)
    length = 0
    for text, start, name in _pieces(source):
        value = text if name is None else _value(name, environ)
        if name and not value and name not in environ and len(unset) < _MOST_UNSET:
            unset.extend(_unset(source, breaks, start, name))
        pieces.append((length, start, name is not None))
        out.append(value)
        length += len(value)
    return Expanded("".join(out), source, tuple(pieces) or ((0, 0, False),), breaks, tuple(unset))


def unexpanded(source: str) -> Expanded:
    """Return `source` as it is."""
    return Expanded(source, source, ((0, 0, False),), _breaks(source), ())


def _pieces(source: str) -> Iterator[tuple[str, int, str | None]]:
    end = 0
    for found in _REFERENCE.finditer(source):
        if found.start() > end:
            yield source[end : found.start()], end, None
        yield "", found.start(), found["braced"] or found["special"] or found["plain"] or ""
        end = found.end()
    if end < len(source):
        yield source[end:], end, None


def _value(name: str, environ: Mapping[str, str]) -> str:
    if not name:
        return ""
    if name == "PID" and name not in environ:
        return str(os.getpid())
    return environ.get(name, "")


def _unset(source: str, breaks: tuple[int, ...], start: int, name: str) -> Iterator[Unset]:
    if not _in_comment(source, start):
        yield Unset(_line(breaks, start), name if _stands_alone(source, start, name) else "")


def _breaks(source: str) -> tuple[int, ...]:
    return tuple(found.start() for found in re.finditer("\n", source))


def _line(breaks: tuple[int, ...], index: int) -> int:
    return bisect_left(breaks, index) + 1


def _in_comment(source: str, index: int) -> bool:
    before = source[source.rfind("\n", 0, index) + 1 : index]
    return before.lstrip().startswith("#") or " #" in before


def _stands_alone(source: str, start: int, name: str) -> bool:
    """Tell whether a reference is a whole value, not a `$` inside a password."""
    end = start + 1 + len(name) + (2 if source[start + 1] == "{" else 0)
    around = source[max(0, start - 1) : start] + source[end : end + 1]
    return _SPEAKING.fullmatch(name) is not None and not around.strip(" \t\r\n\"'")
