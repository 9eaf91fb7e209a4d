"""Where in a replica's history a copy stands, and how to tell that it still stands there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.domain import Place, Position, Txid

LTX = "ltx"
"""The lineage of every TXID."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The state that a copy holds, in the replica's terms."""

    place: Place
    time: datetime
    """When the newest object of that state was stored."""
    lineage: str
    """Which numbering `place` belongs to: a generation's id, or "ltx"."""
    base: str = ""
    """Key of the object that the copy began with, or began anew with; "" when it is not known."""

    def to_json(self) -> dict[str, Any]:
        return {
            "position": self.place.to_json(),
            "time": self.time.isoformat(),
            "lineage": self.lineage,
            "base": self.base,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Mark:
        """Read what `to_json` gave; raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        time = datetime.fromisoformat(values["time"])
        if time.tzinfo is None:
            raise ValueError("a time without a zone")
        return cls(_place(values["position"]), time, str(values["lineage"]), str(values["base"]))


@dataclass(frozen=True, slots=True)
class Held:
    """A mark with the fingerprint of the file at it: every commit, whoever makes it, changes page 1."""

    mark: Mark
    digest: str
    """sha256 of page 1."""
    pages: int
    schema_shift: int = 0
    """What the copy's schema cookie is ahead of the replica's."""

    def is_of(self, first: bytes, pages: int) -> bool:
        """Tell whether a file with this page 1 and this size in pages stands here."""
        return self.pages == pages and self.digest == digest(first)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.mark.to_json(),
            "page1_sha256": self.digest,
            "pages": self.pages,
            "schema_shift": self.schema_shift,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Held:
        """Read what `to_json` gave; raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        mark = Mark.from_json(values)
        return cls(mark, str(values["page1_sha256"]), int(values["pages"]), int(values["schema_shift"]))


def digest(first: bytes) -> str:
    """Return the fingerprint of a database whose page 1 is `first`."""
    return hashlib.sha256(first).hexdigest()


def _place(values: dict[str, Any]) -> Place:
    if "txid" in values:
        return Txid(int(values["txid"], 16))
    return Position(str(values["generation"]), int(values["index"]), int(values["offset"]))
