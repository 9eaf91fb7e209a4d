"""The fleet as rows: one for each replica, its failure below it, grouped by database; made when looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from urllib.parse import urlsplit

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.tui import phrases, standing, wording
from sqlite_recovery_tui.tui.state import Place, Status
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, MadeSource, Row, Source
from sqlite_recovery_tui.tui.widgets.sift import Rank, natural

MARK = "●"
COLUMNS = (
    Column("database", "database", least=8, most=28),
    Column("replica", "replica", least=8, most=18),
    Column("region", "region", least=9, most=20, drop=5),
    Column("where", "where", least=20, most=70, grow=True, drop=4, cut="middle"),
    Column("newest", "can go back to", least=18, most=30),
    Column("behind", "behind live", least=11, most=14),
    Column("proven", "proven", least=9, most=26),
    Column("oldest", "since", least=10, most=26, drop=6),
    Column("objects", "objects", least=7, most=10, align="right", drop=7),
    Column("size", "size", width=10, align="right", drop=8),
    Column("format", "format", least=6, most=11, drop=9),
    Column("state", "state", least=11, most=22),
)
NOTHING = Cell("–", "muted")
Key = int | tuple[int, str]


@dataclass(frozen=True)
class FleetEntries:
    """The places of a moment as entries that can be filtered and sorted; an entry is a place's number."""

    places: Sequence[Place]
    marked: Collection[Place]
    style: phrases.TimeStyle
    now: datetime
    proofs: standing.Proofs

    def count(self) -> int:
        return len(self.places)

    def text(self, number: int) -> str:
        place = self.places[number]
        about = wording.words(place.error) if place.error is not None else ""
        proven = standing.proven(place, self.proofs, self.style, self.now)
        beside = f"{standing.behind(place).label} {proven.label}"
        words = (place.database, place.replica, region(place.ref.replica), place.url, place.status.label)
        marked = "marked" if place in self.marked else ""
        format_ = place.timeline.format if place.timeline is not None else ""
        return "  ".join((*words, format_, beside, about, marked))

    def rank(self, number: int, column: str) -> Rank:
        place = self.places[number]
        if column == "proven":
            proof = self.proofs.last_proof(place.url)
            return proof.at if proof is not None else None
        return _RANKS[column](place)

    def source(self, order: Sequence[int] | None) -> Source:
        numbers = range(len(self.places)) if order is None else order
        keys: list[Key] = []
        for number in numbers:
            keys.append(number)
            error = self.places[number].error
            if error is not None:
                keys += [(number, "error"), *([(number, "hint")] if error.hint else [])]
        first = self._first_of_groups(numbers)
        made: dict[int, Row] = {}

        def make(place: int) -> Row:
            if place not in made:
                made[place] = self._row(keys[place], first)
            return made[place]

        return MadeSource(keys, make)

    def _first_of_groups(self, numbers: Sequence[int]) -> set[int]:
        """Return the rows that name their database: the others have it from the row above."""
        groups = [(number, self.places[number].ref.database) for number in numbers]
        changes = {
            later for (_, above), (later, group) in pairwise(groups) if group is None or group is not above
        }
        return changes | {number for number, _ in groups[:1]}

    def _row(self, key: Key, first: Collection[int]) -> Row:
        if isinstance(key, int):
            return self._place_row(key, names_database=key in first)
        number, part = key
        error = self.places[number].error
        if error is None:  # it got better since; the next news brings other rows
            return Row(key, ("",), wide=True)
        if part == "error":
            return Row(key, (f"   ✗ {wording.words(error)}",), wide=True, role="bad")
        return Row(key, (f"     → {wording.hint(error)}",), wide=True, role="warn")

    def _place_row(self, number: int, *, names_database: bool) -> Row:
        place = self.places[number]
        timeline = place.timeline
        mark = f"{MARK} " if place in self.marked else ""
        head = (
            Cell(place.database if names_database else "", "strong"),
            Cell(f"{mark}{place.replica}", "accent" if mark else ""),
            Cell(region(place.ref.replica) or "–", "muted"),
            Cell(where(place), "muted"),
        )
        beside = (
            _cell(standing.behind(place)),
            _cell(standing.proven(place, self.proofs, self.style, self.now)),
        )
        state = _cell(self._state(place))
        if timeline is None or timeline.newest is None or timeline.oldest is None:
            return Row(number, (*head, NOTHING, *beside, *[NOTHING] * 4, state))
        newest = timeline.newest.time
        age = "" if self.style == "age" else f"  {phrases.age(newest, self.now)}"
        return Row(
            number,
            (
                *head,
                Cell(f"{phrases.short(newest, self.style, self.now)}{age}", "muted" if place.aged else ""),
                *beside,
                Cell(phrases.short(timeline.oldest.time, self.style, self.now), "muted"),
                f"{timeline.objects:,}",
                phrases.size(timeline.size),
                Cell(timeline.format, "muted"),
                state,
            ),
        )

    def _state(self, place: Place) -> Status:
        """Return how a place stands; of a listing that is not fresh, how old it is."""
        if place.aged is None or place.error is not None:
            return place.status
        return Status("◌", f"{phrases.age(place.aged, self.now).removesuffix(' ago')} old", "muted")


def region(replica: ReplicaConfig) -> str:
    """Return which part of the world a replica is in, as far as its configuration says."""
    if replica.type == "file":
        return "this host"
    if replica.type == "sftp":
        return replica.host or ""
    if replica.endpoint:
        return urlsplit(replica.endpoint).netloc
    return replica.region or replica.account_name or ""


def where(place: Place) -> str:
    """Return the place without what a column of its own says."""
    return place.url.partition("?")[0]


def _newest(place: Place) -> Rank:
    point = place.timeline.newest if place.timeline is not None else None
    return point.time if point is not None else None


def _oldest(place: Place) -> Rank:
    point = place.timeline.oldest if place.timeline is not None else None
    return point.time if point is not None else None


_RANKS: dict[str, Callable[[Place], Rank]] = {
    "database": lambda place: natural(place.database),
    "replica": lambda place: natural(place.replica),
    "region": lambda place: natural(region(place.ref.replica)),
    "where": lambda place: natural(where(place)),
    "newest": _newest,
    "behind": lambda place: place.beside.behind.by if place.beside.behind is not None else None,
    "oldest": _oldest,
    "objects": lambda place: place.timeline.objects if place.timeline is not None else None,
    "size": lambda place: place.timeline.size if place.timeline is not None else None,
    "format": lambda place: natural(place.timeline.format) if place.timeline is not None else None,
    "state": lambda place: natural(place.status.word),
}
"""What each column is sorted by."""


def _cell(status: Status) -> Cell:
    return Cell(status.label.strip(), status.role)
