"""Where somebody was when the console was left, for each configuration; a private file without secrets."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.folders import state_folder

LOGGER = logging.getLogger(__name__)
NAME = "places.json"
KEPT = 50
"""How many configurations are remembered; the one not opened for longest goes."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A place in the console, and how things were shown there; names only, never URLs."""

    area: str = ""
    """The area that was in front, unless it was the fleet."""
    database: str = ""
    replica: str = ""
    opened: bool = False
    """Whether the replica was looked into, or only selected in the fleet."""
    times: str = ""
    theme: str = ""


class Memory:
    """Remembers one configuration's place; a file that cannot be read or written costs only that."""

    def __init__(self, about: str, file: Path | None = None) -> None:
        """Remember for `about`, a configuration's path or a URL, of which only a hash is kept."""
        self.file = file or state_folder() / NAME
        self.saved: Remembered | None = None
        """What the file says, as far as this session knows."""
        self._key = _hash(about)

    def turn_to(self, about: str) -> None:
        """Remember for another configuration from now on."""
        self._key, self.saved = _hash(about), None

    def load(self) -> Remembered:
        """Return what is remembered; blank where nothing is, or nothing of use."""
        known = self._read().get(self._key)
        self.saved = _understood(known) if isinstance(known, dict) else Remembered()
        return self.saved

    def save(self, place: Remembered) -> None:
        """Write down a place, atomically; never raises."""
        try:
            everything = {key: value for key, value in self._read().items() if key != self._key}
            everything[self._key] = asdict(place)
            kept = dict(list(everything.items())[-KEPT:])
            _write(self.file, json.dumps(kept))
            self.saved = place
        except OSError as error:
            LOGGER.info("the place was not remembered: %s", error.strerror)

    def _read(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _hash(about: str) -> str:
    return hashlib.sha256(about.encode(errors="surrogatepass")).hexdigest()[:16]


def _understood(known: Mapping[str, Any]) -> Remembered:
    wanted = {each.name: type(each.default) for each in fields(Remembered)}
    return Remembered(
        **{name: known[name] for name, kind in wanted.items() if isinstance(known.get(name), kind)}
    )


def _write(file: Path, words: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(words)
    fresh.replace(file)
