"""Which builder carries out which kind of route; only that one is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sqlite_recovery_tui.progress import ProgressFn
from sqlite_recovery_tui.replica.generations import WalRoute
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.work import WorkDir

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.built import Built


class Builder(Protocol):
    """One attempt to build the database file of a route inside a work directory."""

    def run(self) -> Built:
        """Build the file; raise `DamagedError`, `Detour`, `StorageError`, `Cancelled`."""
        ...


def builder(
    plan: Plan,
    fetcher: Fetcher,
    work: WorkDir,
    *,
    memory_bytes: int,
    to_last_good: bool,
    progress: ProgressFn,
    settle: bool,
) -> Builder:
    """Return the builder for the plan's route; `settle`: raise a doubt about the base as a `Detour`."""
    if isinstance(plan.route, LtxRoute):
        from sqlite_recovery_tui.restore.ltx_build import LtxBuild

        return LtxBuild(plan.url, plan.route, fetcher, work, progress)
    from sqlite_recovery_tui.restore.build import Build

    assert isinstance(plan.route, WalRoute)
    return Build(plan.url, plan.route, fetcher, work, memory_bytes, to_last_good, progress, settle)
