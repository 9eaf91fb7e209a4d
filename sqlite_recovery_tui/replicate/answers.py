"""What can be asked of a daemon through its control socket, and what it answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.errors import NotFoundError, UsageError
from sqlite_recovery_tui.replicate.control import Document, Reply
from sqlite_recovery_tui.replicate.stretch import Break

if TYPE_CHECKING:
    from sqlite_recovery_tui.replicate.minder import Minder
    from sqlite_recovery_tui.replicate.supervisor import Supervisor

LONGEST_WAIT_SECONDS = 600.0
RELEASE_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class Answers:
    """Answers requests about the databases of one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Answer for `supervisor`."""
        self._supervisor = supervisor
        self._ways: dict[str, Callable[[Document], Reply]] = {
            "status": self._status,
            "has": self._has,
            "sync": self._sync,
            "snapshot": self._snapshot,
            "promoted": self._promoted,
            "release": self._release,
        }

    def __call__(self, request: Document) -> Reply:
        """Answer a request by its `op`; raises `UsageError`, `NotFoundError`."""
        way = self._ways.get(str(request.get("op")))
        if way is None:
            raise UsageError(f"no such request; there are {', '.join(self._ways)}")
        return way(request)

    def _status(self, _request: Document) -> Reply:
        return Reply(self._supervisor.status().to_json())

    def _has(self, request: Document) -> Reply:
        return Reply({"pid": os.getpid(), "databases": [str(minder.path) for minder in self._named(request)]})

    def _sync(self, request: Document) -> Reply:
        """Ship now; with `wait`, answer when everything is durable or so many seconds are over."""
        minders = self._named(request)
        for minder in minders:
            minder.look()
            minder.hurry()
        now = self._supervisor.now()
        until = time.monotonic() + min(float(request.get("wait") or 0), LONGEST_WAIT_SECONDS)
        while not (durable := all(each.is_durable(now) for each in minders)) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        return Reply({"durable": durable})

    def _snapshot(self, request: Document) -> Reply:
        for minder in self._named(request):
            minder.ask_snapshot()
        return Reply({"asked": True})

    def _promoted(self, request: Document) -> Reply:
        """Note that a database took the place of another: online that is a commit, else a new generation."""
        for minder in self._named(request):
            if request.get("mode") == "online":
                minder.hurry()
            else:
                minder.renew(Break("replaced", "another database was put in its place"))
        return Reply({"noted": True})

    def _release(self, request: Document) -> Reply:
        """Let go of a database until who asked has gone."""
        minders = self._named(request)
        for minder in minders:
            minder.release(RELEASE_SECONDS)

        def take_back() -> None:
            for minder in minders:
                minder.take_back()

        return Reply({"released": True}, take_back)

    def _named(self, request: Document) -> tuple[Minder, ...]:
        """Return the databases a request is about: the one it names, or all."""
        named = request.get("database")
        if named is None:
            return self._supervisor.minders
        minder = self._supervisor.find(Path(str(named)))
        if minder is None:
            raise NotFoundError(f"this daemon does not replicate {named}", object=str(named))
        return (minder,)
