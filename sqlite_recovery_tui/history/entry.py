"""One act in the ledger, and what makes it a proof that a replica can be restored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlite_recovery_tui.history.process import Standing, standing
from sqlite_recovery_tui.history.sources import Sources

Outcome = Literal["ok", "failed", "damaged", "cancelled", "refused"]
"""How an act ended."""

PROVING = ("restore", "verify", "drill")
"""The kinds of act that can prove a replica, or find that it is damaged."""

KINDS = (
    *PROVING,
    "check",
    "preview",
    "follow",
    "export",
    "scratch-delete",
    "scratch-move",
    "diff",
    "rescue",
    "bisect",
    "promote",
    "undo",
)
"""The kinds of act there are; a ledger may hold others, of later versions."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One act; what is not known, or does not apply, is None."""

    kind: str
    started: datetime
    id: int | None = None
    """Its number in the ledger; None before it is in there."""
    ended: datetime | None = None
    duration: float | None = None
    """Seconds, by a clock that is never set."""

    user: str = ""
    host: str = ""
    pid: int = 0
    process: str = ""
    """What tells the process from others that had the same pid."""
    version: str = ""

    database: str | None = None
    replica: str | None = None
    url: str | None = None
    """The replica, or the file that was looked at; without secrets."""
    lineage: str | None = None
    """The generation, or "ltx"."""
    position: str | None = None
    """The state that was reached."""
    point_time: datetime | None = None
    """The time of that state."""
    asked: str | None = None
    """What was asked for, as it was typed."""
    output: str | None = None

    outcome: Outcome | None = None
    """None: it began, and nothing was heard of it since."""
    error: str | None = None
    hint: str | None = None
    verdict: str | None = None
    """What was shown of the replica: proven, consistent or damaged."""
    integrity: str | None = None
    """What the checks of the database found: ok, damaged, timed-out or not-checkable."""

    sources: Sources | None = None
    results: Mapping[str, Any] = field(default_factory=dict)
    command: str | None = None
    """The command line that does the same again."""

    @property
    def state(self) -> Outcome | Standing:
        """How it ended; for an act without an end whether it runs, was interrupted, or nobody can tell."""
        return self.outcome or standing(self.host, self.pid, self.process)

    @property
    def proof(self) -> Literal["proven", "failed"] | None:
        """Whether the act showed that a state can be restored, or that it cannot; None: neither."""
        if self.kind not in PROVING or self.url is None or self.outcome is None:
            return None
        if "damaged" in (self.outcome, self.verdict, self.integrity):
            return "failed"
        checked = self.integrity == "ok" if self.kind == "restore" else self.integrity in (None, "ok")
        shown = self.verdict in ("proven", "consistent") and self.point_time is not None
        return "proven" if self.outcome == "ok" and checked and shown else None

    @property
    def distance_seconds(self) -> float | None:
        """From the state that was reached to the time that was asked for; None when none was."""
        found = self.results.get("distance_seconds")
        return float(found) if isinstance(found, int | float) else None

    @property
    def subject(self) -> str:
        """What it was done to, as a person calls it."""
        parts = [part for part in (self.database, self.replica) if part]
        return " ".join(parts) or self.url or self.output or self.asked or ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as `history --json` prints it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "started": _iso(self.started),
            "ended": _iso(self.ended),
            "duration_ms": round(self.duration * 1000) if self.duration is not None else None,
            "user": self.user,
            "host": self.host,
            "pid": self.pid,
            "version": self.version,
            "database": self.database,
            "replica": self.replica,
            "url": self.url,
            "lineage": self.lineage,
            "position": self.position,
            "time": _iso(self.point_time),
            "requested": self.asked,
            "distance_seconds": self.distance_seconds,
            "output": self.output,
            "outcome": self.outcome,
            "error": self.error,
            "hint": self.hint,
            "verdict": self.verdict,
            "integrity": self.integrity,
            "proof": self.proof,
            "sources": self.sources.to_json() if self.sources else None,
            "results": dict(self.results),
            "command": self.command,
        }


@dataclass(frozen=True, slots=True)
class Proven:
    """A state of a replica that was shown to be restorable, or, with the verdict "damaged", not to be."""

    point_time: datetime | None
    """The newest state that it speaks of; None where damage kept it from being known."""
    place: str
    """Where in history that is."""
    at: datetime
    """When it was shown."""
    how: str
    """By what: "a full restore", "reading every object"."""
    verdict: str
    """proven, consistent or damaged."""
    entry: int
    """The number of the act in the ledger."""

    @property
    def ok(self) -> bool:
        """True when it can be restored."""
        return self.verdict != "damaged"

    def to_json(self) -> dict[str, Any]:
        """Return it as `replicas --json` prints it."""
        return {
            "at": _iso(self.at),
            "how": self.how,
            "verdict": self.verdict,
            "time": _iso(self.point_time),
            "position": self.place or None,
            "entry": self.entry,
        }


HOW = {
    "restore": "a full restore",
    "drill": "a full restore",
    "verify": "reading every object",
}
"""What an act of this kind does to prove a replica, in words."""


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None
