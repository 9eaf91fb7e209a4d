"""A stylesheet that reads each piece of CSS once: Textual reads all of it anew for every kind of screen."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_PIECES = 512
"""How many are kept for one theme; each class of widgets has one."""
_THEMES = 8

_READ: LRUCache[frozenset[tuple[str, str]], LRUCache[tuple[object, ...], list[RuleSet]]] = LRUCache(_THEMES)
"""What was read by the variables that it was read with."""


class OnceRead(Stylesheet):
    """Keeps what was read of each theme."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        """Read with these variables."""
        super().__init__(variables=variables)
        self._parse_cache = _read_with(self._variables)

    def set_variables(self, variables: dict[str, str]) -> None:
        # The cache must not be cleared: it may be wanted again.
        self._parse_cache = LRUCache(1)
        super().set_variables(variables)
        self._parse_cache = _read_with(variables)

    def reparse(self) -> None:
        self.parse()


def _read_with(variables: dict[str, str]) -> LRUCache[tuple[object, ...], list[RuleSet]]:
    key = frozenset(variables.items())
    found = _READ.get(key)
    if found is None:
        found = _READ[key] = LRUCache(_PIECES)
    return found
