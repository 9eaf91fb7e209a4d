"""What the replication daemons of this machine say of databases: asked in the background, shown at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from textual.content import Content

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue
from sqlite_recovery_tui.tui.state import Place

REST_SECONDS = 2.0
"""How long nobody is asked after an answer."""
_ASK_SECONDS = 2.0
_LOOKS = {
    "protected": ("✓", "$text-success"),
    "behind": ("▲", "$text-warning"),
    "not protected": ("✗", "bold $text-error"),
}


@dataclass(frozen=True, slots=True)
class Replicating:
    """What a daemon says of one replica."""

    pid: int
    health: str
    reason: str
    waiting: int
    """Commits that are not there yet."""
    last_durable: datetime | None
    protected_since: datetime | None

    def words(self, style: phrases.TimeStyle, now: datetime) -> Content:
        """Return it as a line: protected or not, since when, what waits, and why."""
        glyph, look = _LOOKS.get(self.health, ("?", text.MUTED))
        since = f" since {phrases.short(self.protected_since, style, now)}" if self.protected_since else ""
        durable = (
            f" · newest commit there {phrases.age(self.last_durable, now)}"
            if self.last_durable is not None
            else ""
        )
        waiting = f" · {phrases.many(self.waiting, 'commit')} waiting" if self.waiting else ""
        why = f" · {text.safe(self.reason)}" if self.reason else ""
        whole = since if self.health == "protected" else ""
        return text.line(
            (f"{glyph} {self.health}", look),
            f"{whole}{durable}{waiting}{why}",
            (f"  pid {self.pid}", text.MUTED),
        )

    def again(self, since: datetime, style: phrases.TimeStyle, now: datetime) -> Content:
        """Return whether what was done at `since` is at the replica, as a line."""
        known = [moment for moment in (self.protected_since, self.last_durable) if moment is not None]
        newest = max(known, default=None)
        if self.health == "protected" and not self.waiting and newest is not None and newest >= since:
            moment = phrases.short(newest, style, now)
            return text.line(("✓ protected again", "$text-success"), f" since {moment}")
        why = self.reason or "its daemon is at it"
        return text.line(("◐ not yet protected again", "$text-warning"), f" · {text.safe(why)}")


class Daemons:
    """The last answers of all daemons, kept for the screens; lives on their thread."""

    def __init__(self, engine: Engine, owner: Owner, named: Path | None, changed: Callable[[], None]) -> None:
        """Ask nobody yet; `named` is the socket of the configuration, `changed` is told of news."""
        self._engine, self._owner, self._named, self._changed = engine, owner, named, changed
        self._known: dict[tuple[str, str], Replicating] = {}
        self._asking = False
        self._rests_until = 0.0

    def of(self, place: Place) -> Replicating | None:
        """Return what a daemon says of a replica; None where none that answers replicates it."""
        database = place.ref.database
        return self._known.get((str(database.path), place.url)) if database is not None else None

    def of_database(self, path: Path) -> Replicating | None:
        """Return the worst of what is said of a database's replicas."""
        found = [each for (database, _), each in self._known.items() if database == str(path)]
        return max(found, key=lambda each: list(_LOOKS).index(each.health), default=None)

    def refresh(self) -> None:
        """Ask in the background, unless that was done a moment ago."""
        if self._asking or time.monotonic() < self._rests_until:
            return
        self._asking = True
        self._engine.ask(
            Queue.DAEMON,
            self._owner,
            lambda _: dict(_answers(self._named)),
            then=self._take,
            failed=lambda _: self._take({}),
        )

    def _take(self, known: dict[tuple[str, str], Replicating]) -> None:
        self._asking = False
        self._rests_until = time.monotonic() + REST_SECONDS
        if known != self._known:
            self._known = known
            self._changed()


def _answers(named: Path | None) -> Iterator[tuple[tuple[str, str], Replicating]]:
    """Ask every daemon; yield what each says of each replica."""
    from sqlite_recovery_tui.replicate.control import ask, sockets

    for socket in sockets(named):
        with suppress(OSError, RecoverError, KeyError, TypeError, ValueError):
            answer = ask(socket, {"op": "status"}, seconds=_ASK_SECONDS)
            for database in answer["databases"]:
                for replica in database["replicas"]:
                    key = str(database["database"]), str(replica["url"])
                    yield key, _replicating(int(answer["pid"]), database, replica)


def _replicating(pid: int, database: Mapping[str, Any], replica: Mapping[str, Any]) -> Replicating:
    following = bool(database["following"])
    return Replicating(
        pid,
        str(replica["health"]) if following else "not protected",
        str((replica["reason"] if following else database["reason"]) or ""),
        int(replica["backlog_commits"]),
        _moment(replica["last_durable_commit"]),
        _moment(database["protected_since"]),
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
