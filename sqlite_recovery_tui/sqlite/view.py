"""Which rows and columns of a table are looked at, and in which order."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class View:
    """A way of looking at one table; by default all of it, as it lies on disk."""

    order: str = ""
    """Name of the index in whose order the rows come; empty: the order on disk."""
    descending: bool = False
    where: str = ""
    """An SQL expression that rows must meet; empty: none."""
    columns: tuple[str, ...] = ()
    """The columns that are shown, by name; empty: the first ones."""

    def to_wire(self) -> dict[str, Any]:
        """Return what `from_wire` reads."""
        return asdict(self)

    @staticmethod
    def from_wire(raw: dict[str, Any]) -> View:
        """Read a view off the wire."""
        return View(raw["order"], raw["descending"], raw["where"], tuple(raw["columns"]))


WHOLE = View()
