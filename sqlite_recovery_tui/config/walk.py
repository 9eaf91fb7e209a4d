"""Node trees checked against the schema: each key known, of its type, and remembered with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlite_recovery_tui.config.nodes import Listing, Mapping, Node, Scalar, display_key
from sqlite_recovery_tui.config.readers import Place, is_null, sql_value
from sqlite_recovery_tui.config.schema import LEVELS, Key, Since
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.config.urlparts import has_password

_TINY = timedelta(milliseconds=1)
_PLACES = ("url", "endpoint")
"""Keys that are secret only when a password stands in them."""


@dataclass(slots=True)
class Notes:
    """What is worth a warning: key → first line, by kind."""

    unused: dict[str, int] = field(default_factory=dict)
    since: dict[Since, dict[str, int]] = field(default_factory=dict)
    secrets_in_file: bool = False
    others: list[str] = field(default_factory=list)


class Section:
    """A checked mapping: typed values by key. It holds secrets and does not show itself."""

    __slots__ = ("_values", "place")

    def __init__(self, place: Place, values: dict[str, tuple[Place, Any]]) -> None:
        """Keep `values`, each with its place."""
        self.place = place
        self._values = values

    def __repr__(self) -> str:
        return f"<section {self.place.key} in line {self.place.line}>"

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        """Return the value of `name`, None when it was not given."""
        found = self._values.get(name)
        return found[1] if found else None

    def at(self, name: str) -> Place:
        """Return where `name` stands, or the section itself when it was not given."""
        found = self._values.get(name)
        return found[0] if found else self.place

    def sections(self, name: str) -> list[Section]:
        """Return a list of mappings, empty when it was not given."""
        return self.get(name) or []

    def section(self, name: str) -> Section:
        """Return a mapping, an empty one when it was not given."""
        found: Section | None = self.get(name)
        return found or Section(self.place, {})


def walk(node: Node, keys: tuple[Key, ...], place: Place, notes: Notes) -> Section:
    """Return the mapping `node` checked against `keys`; raise ConfigError at the first fault."""
    if not isinstance(node, Mapping):
        raise place.error(f"expected a mapping of keys to values, not {node.kind}")
    known = {key.name: key for key in keys}
    values: dict[str, tuple[Place, Any]] = {}
    for name, (written, child) in node.entries.items():
        where = Place(place.file, written.line, _dotted(place.key, display_key(written)))
        if name not in known:
            raise where.error(f"unknown key; {_suggestion(written, known)}")
        value = _read(child, known[name], where, notes)
        if value is not None:
            values[name] = (where, value)
            _note(known[name], where, notes)
    _require(keys, node, place)
    return Section(place, {name: value for name, value in values.items() if known[name].used})


def _read(node: Node, key: Key, place: Place, notes: Notes) -> Any:
    if isinstance(node, Scalar) and is_null(node):
        return None
    if key.shape == "mapping":
        return walk(node, key.keys, place, notes)
    if key.shape == "value":
        return _scalar(node, key, place, notes)
    read = [_item(item, key, where, notes) for where, item in _items(node, place)]
    return [item for item in read if item is not None]


def _item(node: Node, key: Key, place: Place, notes: Notes) -> Any:
    if key.shape == "mappings":
        return walk(node, key.keys, place, notes)
    return _scalar(node, key, place, notes)


def _items(node: Node, place: Place) -> Iterator[tuple[Place, Node]]:
    if not isinstance(node, Listing):
        raise place.error(f"expected a list (lines that begin with a dash), not {node.kind}")
    for index, item in enumerate(node.items):
        yield Place(place.file, item.line, f"{place.key}[{index}]"), item


def _scalar(node: Node, key: Key, place: Place, notes: Notes) -> Any:
    if not isinstance(node, Scalar):
        raise place.error(f"expected a single value, not {node.kind}")
    value = key.read(node, place)
    if not value and isinstance(value, str | Secret) and key.read is not sql_value:
        return None  # what an unset variable leaves behind counts as not given
    if isinstance(value, timedelta) and timedelta(0) < abs(value) < _TINY and node.value.isdigit():
        notes.others.append(
            f"{place.key} (line {place.line}): a bare number counts nanoseconds; "
            "write the unit, as in 30s, 5m or 24h"
        )
    if isinstance(value, Secret) and not node.inserted:
        notes.secrets_in_file |= key.name not in _PLACES or has_password(value.reveal())
    return value


def _note(key: Key, place: Place, notes: Notes) -> None:
    if not key.used:
        notes.unused.setdefault(key.name, place.line)
    if key.since != "both":
        notes.since.setdefault(key.since, {}).setdefault(key.name, place.line)


def _require(keys: tuple[Key, ...], node: Mapping, place: Place) -> None:
    for key in keys:
        if key.required and key.name not in node.entries:
            raise place.error(f"{key.name} is missing")


def _dotted(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _suggestion(written: Scalar, known: dict[str, Key]) -> str:
    """Return what the operator may have meant by an unknown key."""
    from difflib import get_close_matches

    name = written.value.lower().replace("_", "-")
    here = get_close_matches(name, known, n=1, cutoff=0.7)
    if here:
        return f"did you mean {here[0]}?"
    elsewhere = [place for place, keys in LEVELS.items() if any(key.name == name for key in keys)]
    if elsewhere:
        return f"{name} belongs in {' or '.join(elsewhere)}"
    nearest = get_close_matches(name, known, n=1, cutoff=0.0)
    return f"the nearest known key is {nearest[0]}" if nearest else "it is not known here"
