"""What the console asks of the engine; every function here runs in a worker's thread.

The heavy parts of the engine are imported here, on first use, so that the first paint does not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError, StorageError
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui.aim import Aim, leaves_out
from sqlite_recovery_tui.tui.state import Other, Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.restore.choose import Proofs
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.restore.preview import Preview
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.storage.base import Store
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.tui.jobs import RestoreJob
    from sqlite_recovery_tui.verify.proof import ReplicaProof


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan with all that its screen shows about it."""

    place: Place
    plan: Plan
    seconds: float
    output: Path
    why: str = ""
    """Why this replica was chosen among several; empty where the operator chose it."""
    can_preview: bool = False
    """Whether one can look into it without a restore."""


def draft(place: Place, timeline: Timeline, aim: Aim, scratch_dir: Path) -> Draft:
    """Plan a restore from one replica; raises what `make_plan` raises."""
    return _draft(place, _plan(place, timeline, aim), timeline, scratch_dir)


def draft_best(
    places: Sequence[Place], aim: Aim, scratch_dir: Path, report: Report, proofs: Proofs | None = None
) -> Draft:
    """Plan a restore from whichever replica serves `aim` best; raises what `choose` raises."""
    from sqlite_recovery_tui.restore.choose import choose

    known = {
        id(place.ref): (place, _in_time(place, place.state, aim, report))
        for place in places
        if place.state is not None
    }
    choice = choose(
        [state for _, state in known.values()],
        aim.target,
        generation=aim.generation,
        nearest=aim.nearest,
        to_last_good=aim.to_last_good,
        proofs=proofs,
    )
    place, state = known[id(choice.ref)]
    assert state.timeline is not None
    return _draft(place, choice.plan, state.timeline, scratch_dir, choice.why if len(places) > 1 else "")


def in_time(place: Place, timeline: Timeline, aim: Aim, report: Report) -> Timeline:
    """Return a listing with times as exact as `aim` needs them, where that can be had."""
    state = place.state
    if state is None or state.timeline is not timeline:
        return timeline
    return _in_time(place, state, aim, report).timeline or timeline


def _in_time(place: Place, state: ReplicaState, aim: Aim, report: Report) -> ReplicaState:
    """Return a listing with object times as exact as `aim` needs them; a failure becomes part of it."""
    from sqlite_recovery_tui.replica.dating import dated_around
    from sqlite_recovery_tui.storage.open import open_store

    if not isinstance(aim.target, AtTime) or not aim.suits_any or state.timeline is None:
        return state
    moment = aim.target.time
    if place.dated is not None and place.dated[0] is state and place.dated[1] == moment:
        return place.dated[2]
    store = open_store(place.ref.replica)
    try:
        exact = dated_around(store, state.timeline, moment, cancel=report.cancel, progress=report.progress)
        dated = replace(state, timeline=exact)
    except StorageError as error:
        return replace(state, timeline=None, error=error)
    finally:
        store.close()
    place.dated = (state, moment, dated)
    return dated


def others(places: Sequence[Place], aim: Aim, report: Report) -> tuple[Other, ...]:
    """Return what each of these replicas would give, nothing left out on purpose."""
    whole = aim.undamaged()
    return tuple(
        _other(place, _in_time(place, place.state, whole, report), whole)
        for place in places
        if place.state is not None
    )


def _other(place: Place, state: ReplicaState, aim: Aim) -> Other:
    if state.timeline is None:
        return Other(place, None, state.error)
    try:
        return Other(place, _plan(place, state.timeline, aim))
    except RecoverError as error:
        return Other(place, None, error)


def _plan(place: Place, timeline: Timeline, aim: Aim) -> Plan:
    from sqlite_recovery_tui.restore.plan import make_plan

    return make_plan(
        timeline,
        aim.target,
        database=place.ref.database_name,
        replica=place.replica,
        url=place.url,
        generation=aim.generation,
        nearest=aim.nearest,
        to_last_good=aim.to_last_good,
    )


def _draft(place: Place, plan: Plan, timeline: Timeline, scratch_dir: Path, why: str = "") -> Draft:
    from sqlite_recovery_tui.restore.plan import MOMENT_LEFT_OUT, estimate_seconds
    from sqlite_recovery_tui.restore.preview import can_preview
    from sqlite_recovery_tui.restore.scratch import proposed_path

    seconds = estimate_seconds(plan, local=place.local)
    output = proposed_path(scratch_dir, place.database, plan.point)
    asked = plan.requested
    if isinstance(asked, AtTime) and not leaves_out(timeline, asked.time):
        plan = replace(plan, notes=tuple(note for note in plan.notes if note != MOMENT_LEFT_OUT))
    return Draft(place, plan, seconds, output, why, can_preview(plan))


def restore(job: RestoreJob, clock: Clock, report: Report) -> RestoreResult:
    """Carry a restore out; a scratch gets a directory of its own first, and a manifest afterwards."""
    from sqlite_recovery_tui.restore import scratch
    from sqlite_recovery_tui.restore.run import RestoreOptions
    from sqlite_recovery_tui.restore.tasks import RestoreTask

    if job.scratch_dir is not None and not (job.reserved and job.output.parent.exists()):
        job.goes_to(scratch.scratch_path(job.scratch_dir, job.place.database, job.plan.point))
        job.reserved = True
    options = RestoreOptions(
        output=job.output,
        memory_bytes=job.memory_bytes,
        to_last_good=job.aim.to_last_good,
        scratch=job.scratch_dir is not None,
    )
    try:
        return report.carry_out(RestoreTask(job.place.ref, job.plan, options), clock)
    finally:
        if options.scratch:
            scratch.withdraw(job.output)


def verify(place: Place, clock: Clock, report: Report) -> ReplicaProof:
    """List a replica anew and prove all it holds; raises what the listing failed with."""
    from sqlite_recovery_tui.verify.task import ProofTask

    return report.carry_out(ProofTask(place.ref), clock)


@dataclass(frozen=True, slots=True)
class OpenPreview:
    """A restore point that is looked into, and the store that its pages come from."""

    preview: Preview
    store: Store

    def close(self) -> None:
        """Let go of both."""
        self.preview.close()
        self.store.close()


def open_preview(place: Place, plan: Plan, folder: Path, clock: Clock, report: Report) -> OpenPreview:
    """Read the indexes of the plan's objects, to look into its restore point without restoring it."""
    from sqlite_recovery_tui.restore import preview
    from sqlite_recovery_tui.storage.open import open_store

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = open_store(place.ref.replica, clock=clock)
    try:
        opened = preview.open_preview(store, plan, folder, progress=report.progress, cancel=report.cancel)
    except BaseException:
        store.close()
        raise
    return OpenPreview(opened, store)


def recipe(plan: Plan, output: Path) -> list[str]:
    """Return the shell lines that do it without sqlrecover."""
    from sqlite_recovery_tui.restore.recipe import recipe as lines

    return lines(plan, output)


def open_target(text: str, settings: Settings | None) -> tuple[Settings | None, list[ReplicaRef]]:
    """Understand what a person typed: a replica URL, a directory, or a configuration file."""
    from sqlite_recovery_tui import config
    from sqlite_recovery_tui.replica.fleet import refs

    path = Path(text).expanduser()
    if not config.is_url(text) and path.is_file():
        loaded = config.load(path)
        return loaded, refs(loaded, None)
    if not config.is_url(text) and path.is_dir():
        return settings, refs(None, str(path.resolve()))
    return settings, refs(None, text)


def build_demo(directory: Path, now: Callable[[], datetime]) -> tuple[Settings, list[ReplicaRef]]:
    """Build the sample incident and return its settings and replicas."""
    from sqlite_recovery_tui import config, demo
    from sqlite_recovery_tui.replica.fleet import refs

    incident = demo.build(directory, now=now())
    loaded = config.load(incident.config)
    return loaded, refs(loaded, None)
