"""What the daemon says of itself: what could be restored if this machine were gone now, and why not more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Health = Literal["protected", "behind", "not protected"]
_RANK: dict[Health, int] = {"protected": 0, "behind": 1, "not protected": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStatus:
    """One replica of one database."""

    name: str
    type: str
    url: str
    """Without secrets."""
    health: Health
    reason: str = ""
    last_durable: datetime | None = None
    """When the newest commit was seen that is at the replica."""
    lag_seconds: float = 0.0
    """For how long commits wait that are not there; 0 when none do."""
    position: Mapping[str, Any] | None = None
    backlog_commits: int = 0
    backlog_bytes: int = 0
    snapshot: datetime | None = None
    """When the newest snapshot was taken that is there."""
    next_snapshot: datetime | None = None
    error: str = ""
    """The last failure, while it lasts."""
    error_since: datetime | None = None
    errors: int = 0
    """How many requests have failed since the daemon began."""
    requests: Mapping[str, int] = field(default_factory=dict)
    sent_bytes: int = 0
    verified: datetime | None = None
    """When a restore of it was last proven."""
    gaps: int = 0

    def to_json(self, now: datetime) -> dict[str, Any]:
        """Return it as the JSON contract has it."""
        return {
            "replica": self.name,
            "type": self.type,
            "url": self.url,
            "health": self.health,
            "reason": self.reason or None,
            "last_durable_commit": _time(self.last_durable),
            "last_durable_commit_age_seconds": _age(self.last_durable, now),
            "lag_seconds": round(self.lag_seconds, 3),
            "position": dict(self.position) if self.position else None,
            "backlog_commits": self.backlog_commits,
            "backlog_bytes": self.backlog_bytes,
            "last_snapshot": _time(self.snapshot),
            "next_snapshot": _time(self.next_snapshot),
            "error": self.error or None,
            "error_since": _time(self.error_since),
            "errors": self.errors,
            "requests": dict(self.requests),
            "sent_bytes": self.sent_bytes,
            "last_verified": _time(self.verified),
            "coverage_gaps": self.gaps,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """One database: what it does, and its replicas."""

    path: str
    name: str
    """What it is called in metrics and logs: short, and no other one is."""
    following: bool
    reason: str = ""
    """Why it is not followed, or not all of it."""
    generation: str = ""
    began: str = ""
    """Why the present generation began."""
    protected_since: datetime | None = None
    """Since when every replica has had the present generation."""
    database_bytes: int = 0
    wal_bytes: int = 0
    unread_bytes: int = 0
    """Committed frames that are not even on this machine's disk yet."""
    spool_bytes: int = 0
    lock_seconds: float = 0.0
    """How long writers were held since the daemon began, in all."""
    longest_lock_seconds: float = 0.0
    wait_seconds: float = 0.0
    """How long the writer's lock was waited for, in all."""
    blocked_by: str = ""
    """Who keeps the log from being folded in."""
    events: Mapping[str, int] = field(default_factory=dict)
    """How often what happened, by kind."""
    checkpoints: Mapping[str, int] = field(default_factory=dict)
    """How many ended how."""
    last_event: str = ""
    replicas: tuple[ReplicaStatus, ...] = ()

    @property
    def health(self) -> Health:
        """Return the worst of its replicas; not protected while it is not followed."""
        if not self.following or not self.replicas:
            return "not protected"
        return max((replica.health for replica in self.replicas), key=_RANK.__getitem__)

    @property
    def why(self) -> str:
        """Return why it is not protected; empty when it is."""
        if self.health == "protected":
            return ""
        worst = [f"{each.name}: {each.reason}" for each in self.replicas if each.health == self.health]
        return self.reason or "; ".join(worst) or "it has no replicas"

    def to_json(self, now: datetime) -> dict[str, Any]:
        """Return it as the JSON contract has it."""
        return {
            "database": self.path,
            "name": self.name,
            "health": self.health,
            "reason": self.why or None,
            "following": self.following,
            "generation": self.generation or None,
            "generation_began": self.began or None,
            "protected_since": _time(self.protected_since),
            "database_bytes": self.database_bytes,
            "wal_bytes": self.wal_bytes,
            "unread_bytes": self.unread_bytes,
            "spool_bytes": self.spool_bytes,
            "lock_seconds": round(self.lock_seconds, 6),
            "longest_lock_seconds": round(self.longest_lock_seconds, 6),
            "lock_wait_seconds": round(self.wait_seconds, 6),
            "blocked_by": self.blocked_by or None,
            "events": dict(self.events),
            "checkpoints": dict(self.checkpoints),
            "last_event": self.last_event or None,
            "replicas": [replica.to_json(now) for replica in self.replicas],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """One daemon and all its databases."""

    pid: int
    version: str
    since: datetime
    now: datetime
    config: str = ""
    databases: tuple[DatabaseStatus, ...] = ()

    @property
    def health(self) -> Health:
        """Return the worst of its databases."""
        return max((each.health for each in self.databases), key=_RANK.__getitem__, default="not protected")

    def to_json(self) -> dict[str, Any]:
        """Return it as the JSON contract has it."""
        return {
            "pid": self.pid,
            "version": self.version,
            "since": _time(self.since),
            "time": _time(self.now),
            "config": self.config or None,
            "health": self.health,
            "databases": [database.to_json(self.now) for database in self.databases],
        }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


def _age(moment: datetime | None, now: datetime) -> float | None:
    return round(max((now - moment).total_seconds(), 0.0), 3) if moment else None
