"""The directory that a file URL means, which Litestream and people take differently."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from sqlite_recovery_tui.config.models import ReplicaConfig
from sqlite_recovery_tui.config.paths import absolute
from sqlite_recovery_tui.config.urlparts import BAD_ESCAPE, UrlParts
from sqlite_recovery_tui.errors import UsageError

_GO_LEAVES = re.compile(r"[A-Za-z0-9\-_.~$&+,/:;=@!'()*\[\]%]*")
_HISTORY = ("generations", "ltx")


def file_replica(parts: UrlParts) -> ReplicaConfig:
    """Return the replica behind a file:// URL; raise UsageError when it names no directory."""
    if parts.rest in ("", "/"):
        raise UsageError("the file:// URL names no directory", hint="for example file:///var/backups/app")
    return ReplicaConfig("file", "file", path=str(_existing(parts.rest)))


def _existing(rest: str) -> Path:
    """Return the directory that a file URL means.

    Litestream takes the path of a file URL percent-encoded: `file:///a b` is the directory `a%20b`
    (v0.3 also keeps what follows a question mark). The decoded directory is what people mean, so it
    comes first; a directory that holds a replica comes before one that only exists.
    """
    path, question, query = ("/" + rest.lstrip("/")).partition("?")
    places = [_from_unquoted(path), _as_go_encodes(path)]
    if question:
        places.append(_as_go_encodes(path) + question + query)
    for holds in (_holds_history, Path.is_dir):
        for place in places:
            if holds(absolute(place)):
                return absolute(place)
    return absolute(places[0])


def _holds_history(place: Path) -> bool:
    return any((place / name).is_dir() for name in _HISTORY)


def _from_unquoted(path: str) -> str:
    return path if BAD_ESCAPE.search(path) else unquote(path, errors="surrogateescape")


def _as_go_encodes(path: str) -> str:
    """Return a path as Go's net/url prints it: as written where that is valid, else encoded afresh."""
    if _GO_LEAVES.fullmatch(path):
        return path
    return quote(_from_unquoted(path), safe="/$&+,:;=@~", errors="surrogateescape")
