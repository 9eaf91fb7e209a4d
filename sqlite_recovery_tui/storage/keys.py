"""Keys as data: how they are joined, shown and checked; none ever becomes a path here."""

from __future__ import annotations

import unicodedata

_ODD_SEGMENTS = frozenset({"", ".", ".."})
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def under(root: str, key: str) -> str:
    """Return the full key of `key` below the prefix `root` (no slash at its end; empty: the top)."""
    return f"{root}/{key}" if root else key


def is_plain(key: str) -> bool:
    """Tell whether `key` reads the same as a path: no empty, `.` or `..` segment, no control character."""
    if key.isascii() and key.isprintable() and "//" not in key and "/." not in key and key[:1] not in "./":
        return not key.endswith("/") and bool(key)
    return _ODD_SEGMENTS.isdisjoint(key.split("/")) and not any(_is_control(character) for character in key)


def shown(key: str) -> str:
    """Return `key` on one line, control and formatting characters escaped."""
    if key.isascii() and key.isprintable():
        return key
    return "".join(_escaped(character) for character in key)


def folder_of(prefix: str) -> str:
    """Return the part of `prefix` up to and including its last slash."""
    return prefix[: prefix.rfind("/") + 1]


def _is_control(character: str) -> bool:
    return character < " " or character == "\x7f"


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNSHOWN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
