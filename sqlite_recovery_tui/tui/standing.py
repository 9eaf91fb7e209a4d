"""How a replica stands, in the words an operator wants: how far back, how far behind, proven when and how."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from textual.content import Content

from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.state import Place, Status

if TYPE_CHECKING:
    from sqlite_recovery_tui.history import Proven

Ages = phrases.TimeStyle
_ROLES = {"ok": "ok", "warn": "warn", "fail": "bad"}
_GLYPHS = {"ok": "✓", "warn": "▲", "fail": "✗"}
_STYLES = {"ok": "$text-success", "warn": "$text-warning", "bad": "bold $text-error", "muted": text.MUTED}


class Proofs(Protocol):
    """What is known of proofs, at once."""

    def last_proof(self, url: str) -> Proven | None:
        """Return when a replica was last shown to be restorable."""
        ...

    def last_failure(self, url: str) -> Proven | None:
        """Return the last look at a replica if that found it damaged."""
        ...


def behind(place: Place) -> Status:
    """Say how far a replica is behind its live database, for a column of that name."""
    beside = place.beside
    if beside.behind is not None:
        word = phrases.seconds(beside.behind.by.total_seconds()) if beside.behind.by else "0 behind"
        return Status(_GLYPHS[beside.behind.status], word, _ROLES[beside.behind.status])  # type: ignore[arg-type]
    if not place.fresh:
        return Status("–", "", "muted")
    return Status("?", "nothing here" if beside.on_host else "not here", "muted")


def proven(place: Place, proofs: Proofs, style: Ages, now: datetime) -> Status:
    """Say when a replica was last proven, for a column of that name."""
    failed, shown = proofs.last_failure(place.url), proofs.last_proof(place.url)
    if failed is not None:
        return Status("✗", f"damaged {phrases.short(failed.at, style, now)}", "bad")
    if shown is not None:
        moment = shown.point_time or shown.at
        return Status("✓", phrases.short(moment, style, now), "ok")
    return Status("–", "not yet", "muted")


def sentence(place: Place, proofs: Proofs, style: Ages, now: datetime) -> Content | None:
    """Return the whole of it as one sentence; None while nothing that can be restored is known."""
    timeline = place.timeline
    if timeline is None or timeline.newest is None:
        return None
    newest = timeline.newest.time
    glyph, colour = ("◌ ", text.MUTED) if place.aged else ("✓ ", "$text-success")
    return text.line(
        (glyph, colour),
        "can go back to ",
        (phrases.short(newest, style, now), "bold"),
        "" if style == "age" else f" ({phrases.age(newest, now)})",
        " · ",
        _behind_words(place),
        " · ",
        _proven_words(place, proofs, style, now),
    )


def aged(place: Place, now: datetime) -> str:
    """Say how old a listing is that was not made just now; empty for one that was."""
    if place.aged is None:
        return ""
    then = f"listed {phrases.age(place.aged, now)}"
    return f"{then}, listing again" if place.listing else then


def _behind_words(place: Place) -> Content:
    beside = place.beside
    if beside.behind is not None:
        status = behind(place)
        words = f"behind live by {status.word}" if beside.behind.by else "0 behind live"
        return text.line((f"{status.glyph} {words}" if beside.behind.by else words, _STYLES[status.role]))
    if not place.fresh:
        return text.line(("live not compared yet", text.MUTED))
    if place.ref.database is None:
        return text.line(("no live database is named for it", text.MUTED))
    return text.line(("the live database is not on this host", text.MUTED))


def _proven_words(place: Place, proofs: Proofs, style: Ages, now: datetime) -> Content:
    failed, shown = proofs.last_failure(place.url), proofs.last_proof(place.url)
    if failed is not None:
        return text.line((f"✗ found damaged {phrases.short(failed.at, style, now)}", _STYLES["bad"]))
    if shown is None:
        return text.line(("not proven yet", text.MUTED))
    moment = phrases.short(shown.point_time or shown.at, style, now)
    return text.line((f"✓ proven {moment}", _STYLES["ok"]), f" by {shown.how}")
