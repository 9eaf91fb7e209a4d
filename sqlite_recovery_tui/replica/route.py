"""The objects that produce a restore point: one base and the changes laid over it, in order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlite_recovery_tui.domain import Base, Change, Format, Place, RestorePoint


class Route(Protocol):
    """What a restore fetches and applies, in the terms that both formats have in common."""

    @property
    def format(self) -> Format:
        """The layout of its objects."""
        ...

    @property
    def point(self) -> RestorePoint:
        """The state that it leads to."""
        ...

    @property
    def reached(self) -> Place:
        """Where that state ends, as far as names tell."""
        ...

    @property
    def base(self) -> Base:
        """What is restored first."""
        ...

    @property
    def changes(self) -> Sequence[Change]:
        """What is laid over it, in order."""
        ...

    @property
    def fetch_bytes(self) -> int:
        """Bytes as stored."""
        ...

    @property
    def behind(self) -> RestorePoint | None:
        """Where history goes on where this lineage ends."""
        ...

    def led_on_to(self, behind: RestorePoint | None) -> Route:
        """Return the route with what lies behind its lineage, unless it knows that better."""
        ...

    def around(self, keys: Collection[str]) -> Route | None:
        """Return the best route to the same state that needs none of the objects `keys`, None without one."""
        ...

    @property
    def base_text(self) -> str:
        """Name the base in a few words."""
        ...

    @property
    def changes_text(self) -> str:
        """Say in a few words how many changes there are, and of which kind; empty without any."""
        ...
