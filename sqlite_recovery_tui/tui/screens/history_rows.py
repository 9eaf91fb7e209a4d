"""Acts as rows: how each stands, in glyph and word; made when they are looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from sqlite_recovery_tui.history import telling
from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.tui import phrases, wording
from sqlite_recovery_tui.tui.state import Status
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, MadeSource, Role, Row, Source
from sqlite_recovery_tui.tui.widgets.sift import Rank, natural

MARK = "●"
COLUMNS = (
    Column("began", "began", least=17, most=26),
    Column("act", "act", least=8, most=16),
    Column("on", "on", least=16, most=40, cut="middle"),
    Column("asked", "asked for", least=14, most=28, drop=5),
    Column("reached", "reached", least=17, most=26, drop=2),
    Column("took", "took", width=9, align="right", drop=4),
    Column("by", "by", least=14, most=24, drop=6, cut="middle"),
    Column("outcome", "outcome", least=20, most=120, grow=True),
)

_STANDINGS: dict[str, tuple[str, Role]] = {
    "ok": ("✓", "ok"),
    "damaged": ("✗", "bad"),
    "failed": ("✗", "bad"),
    "refused": ("▲", "warn"),
    "cancelled": ("‖", "muted"),
    "running": ("◐", "accent"),
    "interrupted": ("▲", "warn"),
    "unfinished": ("○", "muted"),
}


@dataclass(frozen=True)
class Told:
    """One act, and how it stood when the ledger was read."""

    entry: Entry
    standing: str

    @classmethod
    def of(cls, entry: Entry) -> Told:
        """Look at how an act stands; for one without an end that is a question to the system."""
        return cls(entry, entry.state)

    @property
    def status(self) -> Status:
        glyph, role = _STANDINGS[self.standing]
        return Status(glyph, telling.words_for(self.entry, self.standing), role)

    @property
    def subject(self) -> str:
        """What it was done to, by the last part of its path."""
        entry = self.entry
        if entry.database or entry.url is None:
            name = PurePath(entry.database or entry.output or "").name
            return " ".join(part for part in (name, entry.replica) if part)
        return entry.url

    @property
    def by(self) -> str:
        return f"{self.entry.user}@{self.entry.host}"


@dataclass(frozen=True)
class Acts:
    """The acts of a moment as entries that can be filtered and sorted."""

    told: Sequence[Told]
    marked: Collection[int]
    style: phrases.TimeStyle
    now: datetime

    def count(self) -> int:
        return len(self.told)

    def text(self, number: int) -> str:
        told = self.told[number]
        entry = told.entry
        moments = (phrases.utc(moment) for moment in (entry.started, entry.point_time) if moment)
        known = (entry.database, entry.url, entry.output, entry.asked, entry.position, entry.error)
        marked = "marked" if entry.id in self.marked else ""
        words = (entry.kind, told.subject, told.by, told.status.label, marked)
        return "  ".join((*words, *moments, *filter(None, known)))

    def rank(self, number: int, column: str) -> Rank:
        told = self.told[number]
        entry = told.entry
        match column:
            case "began":
                return entry.started
            case "reached":
                return entry.point_time
            case "took":
                return entry.duration
        texts = {"act": entry.kind, "on": told.subject, "asked": entry.asked or "", "by": told.by}
        return natural(texts.get(column, told.status.word))

    def source(self, order: Sequence[int] | None) -> Source:
        told = self.told if order is None else [self.told[number] for number in order]
        return MadeSource([each.entry.id for each in told], lambda place: self._row(told[place]))

    def _row(self, told: Told) -> Row:
        entry, status = told.entry, told.status
        marked = entry.id in self.marked
        why = f": {wording.words(entry.error)}" if entry.error else ""
        reached = phrases.short(entry.point_time, self.style, self.now) if entry.point_time else "–"
        return Row(
            entry.id,
            (
                phrases.short(entry.started, self.style, self.now),
                Cell(f"{MARK} {entry.kind}" if marked else entry.kind, "accent" if marked else "strong"),
                told.subject,
                Cell(wording.words(entry.asked) if entry.asked else "–", "muted"),
                Cell(reached, "" if entry.point_time else "muted"),
                Cell(phrases.seconds(entry.duration) if entry.duration is not None else "", "muted"),
                Cell(told.by, "muted"),
                Cell(f"{status.label}{why}", status.role),
            ),
        )
