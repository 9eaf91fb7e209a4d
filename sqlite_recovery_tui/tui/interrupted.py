"""Restores that an earlier run left unfinished: found at the start, offered, taken up again or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.command import resume_line
from sqlite_recovery_tui.tui.engine import Queue
from sqlite_recovery_tui.tui.jobs import Job, ResumeJob
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.replica.fleet import ReplicaRef
    from sqlite_recovery_tui.restore.unfinished import Unfinished
    from sqlite_recovery_tui.tui.app import Console

Found = tuple["Unfinished", "ReplicaRef"]


def offer(console: Console) -> None:
    """Look for interrupted restores in the background, and ask about those there are."""
    if console.padlock.for_good:
        return  # somebody else may be about to go on with it

    folders = scratch_folders(console)
    settings, known = console.settings, list(console.listings.places)

    def found(items: list[Found]) -> None:
        for unfinished in (each for each, _ in items if _replaces(each)):
            console.say(_why_not_here(unfinished), bad=True)
        jobs = [_adopt(console, unfinished, ref) for unfinished, ref in items if not _replaces(unfinished)]
        if fresh := [job for job in jobs if job is not None]:
            _ask(console, fresh)

    console.engine.ask(
        Queue.THINK,
        console,
        lambda _: _look(folders, settings, [place.ref for place in known]),
        then=found,
        failed=lambda error: console.say(wording.words(error), bad=True),
    )


def scratch_folders(console: Console) -> list[Path]:
    """Return every directory that scratch databases may be in."""
    folders = [console.scratch_dir]
    folders += [place.ref.replica.scratch_dir for place in console.listings.places]
    return list(dict.fromkeys(folders))


def discard(console: Console, job: ResumeJob) -> None:
    """Delete what an interrupted restore left, in the background."""
    from sqlite_recovery_tui.restore import unfinished

    job.state = "discarded"
    console.jobs.tell(job)

    def failed(error: RecoverError) -> None:
        job.state = "interrupted"
        console.say(wording.words(error), bad=True)
        console.jobs.tell(job)

    console.engine.ask(
        Queue.CLEAN,
        console,
        lambda _: unfinished.discard(job.unfinished),
        then=lambda _: console.say(f"Discarded: {job.title}"),
        failed=failed,
    )


def described(job: ResumeJob, console: Console) -> str:
    """Say what was interrupted, when, and how far it was."""
    left = job.unfinished
    age = phrases.age(left.touched, console.now())
    return f"{job.title}\n  interrupted {age}, {left.fraction:.0%} fetched"


def _look(folders: Sequence[Path], settings: Settings | None, known: Sequence[ReplicaRef]) -> list[Found]:
    """Return every interrupted restore whose replica can be named; runs in a thread."""
    from sqlite_recovery_tui.replica.fleet import refs
    from sqlite_recovery_tui.restore.unfinished import find

    found: list[Found] = []
    for unfinished in find(folders):
        url = unfinished.order.url
        ref = next((ref for ref in known if ref.replica.url == url), None)
        try:
            found.append((unfinished, ref or refs(settings, url)[0]))
        except RecoverError:
            continue  # a place that no configuration can name any more: nothing to offer
    return found


def _replaces(unfinished: Unfinished) -> bool:
    """Tell whether it would replace a file: that takes a typed name here, and nobody typed one."""
    return unfinished.order.force and unfinished.output.exists()


def _why_not_here(unfinished: Unfinished) -> str:
    output = text.safe(str(unfinished.output))
    return (
        f"A restore over {output} was interrupted, and the console replaces no file that way: "
        f"carry it on with {text.safe(resume_line(unfinished.output, config=None))}"
    )


def _adopt(console: Console, unfinished: Unfinished, ref: ReplicaRef) -> ResumeJob | None:
    """Take an interrupted restore among the jobs, unless it is there already."""
    if any(job.into == str(unfinished.output) for job in console.jobs.all):
        return None
    place = next((place for place in console.listings.places if place.ref is ref), None) or Place(ref)
    config = console.settings.file if console.settings is not None else None
    job = ResumeJob(unfinished=unfinished, place=place, config=config, clock=console.clock)
    console.jobs.adopt(job)
    return job


def _ask(console: Console, jobs: Sequence[ResumeJob]) -> None:
    from sqlite_recovery_tui.tui.screens.interrupted import InterruptedDialog

    def answered(answer: str | None) -> None:
        if answer == "resume":
            again: list[Job[Any]] = [console.jobs.retry(job) for job in jobs]
            if len(again) == 1:
                console.open_job(again[0])
            else:
                console.do_jobs()
        elif answer == "discard":
            for job in jobs:
                discard(console, job)

    console.push_screen(InterruptedDialog([described(job, console) for job in jobs]), answered)
