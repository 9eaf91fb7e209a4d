"""What the history keeps of a job: when it begins, and of what came of it. Runs in the job's thread."""

from __future__ import annotations

from typing import Any

from sqlite_recovery_tui.history import facts
from sqlite_recovery_tui.tui.jobs.bisect import BisectJob
from sqlite_recovery_tui.tui.jobs.job import Job
from sqlite_recovery_tui.tui.jobs.promote import PromoteJob, UndoJob
from sqlite_recovery_tui.tui.jobs.rescue import RescueJob
from sqlite_recovery_tui.tui.jobs.restore import RestoreJob
from sqlite_recovery_tui.tui.jobs.resume import ResumeJob
from sqlite_recovery_tui.tui.jobs.verify import VerifyJob


def as_begun(job: Job[Any]) -> dict[str, Any]:
    """Return the members of an entry that are known when a job begins."""
    known: dict[str, Any] = {"command": job.command or None, "output": job.into or None}
    if isinstance(job, RestoreJob):
        return {**known, **facts.of_plan(job.plan.to_json())}
    if isinstance(job, VerifyJob | BisectJob):
        ref = job.place.ref
        asked = {"asked": job.question.sql} if isinstance(job, BisectJob) else {}
        of = {"database": ref.database_name, "replica": job.place.replica, "url": job.place.url}
        return {**known, **of, **asked}
    if isinstance(job, ResumeJob):
        order = job.unfinished.order
        return {**known, "database": order.database, "replica": order.replica, "url": order.url}
    if isinstance(job, PromoteJob):
        return {**known, **facts.of_promote(job.plan.to_json())}
    if isinstance(job, UndoJob):
        return {**known, "database": str(job.database), "asked": job.point.name}
    return {**known, **(_of_rescue(job) if isinstance(job, RescueJob) else {"asked": job.title})}


def _of_rescue(job: RescueJob) -> dict[str, Any]:
    database = str(job.wish.database)
    tables = [table.to_json() for table in job.plan.tables]
    into = {"database": database, "output": database, "asked": str(job.wish.scratch)}
    return {**into, "results": {"tables": tables}}


def as_done(job: Job[Any], result: Any) -> dict[str, Any]:
    """Return the members of an entry that are known when a job has ended well."""
    if isinstance(job, RestoreJob | ResumeJob):
        objects = (result.plan.base, *result.plan.changes)
        return {"command": job.command, **facts.of_restore(result.to_json(), objects)}
    if isinstance(job, VerifyJob):
        newest = result.newest.to_json() if result.newest is not None else None
        members = facts.of_proof(result.to_json(), newest)
        fault = next(iter(result.faults), None)
        error = f"{fault.object}: {fault.message}" if fault is not None else None
        return {"outcome": facts.shown(members["verdict"], None), "error": error, **members}
    if isinstance(job, PromoteJob | UndoJob):
        return facts.of_promoted(result.to_json())
    if isinstance(job, RescueJob):
        return {"results": result.to_json()}
    if isinstance(job, BisectJob):
        return job.kept(result)
    return {}
