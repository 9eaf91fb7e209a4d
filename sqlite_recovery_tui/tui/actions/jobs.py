"""What can be done with a job, running or ended, and with the list of them."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, RESTORE, Action

NEEDS: dict[str, str] = {
    "running": "It is not running",
    "restored": "There is no restored database yet",
    "failed": "It has not failed",
    "again": "It still runs, or there is nothing left to do",
    "discardable": "Nothing is left of it that could be discarded",
    "plannable": "It still runs, or has no plan",
}

ACTIONS = (
    Action(
        "job.cancel",
        "x",
        "cancel",
        "Cancel this job; asks first, leaves nothing behind.",
        RESTORE,
        ("running",),
    ),
    Action(
        "job.open",
        "enter",
        "look inside",
        "Open the restored database in the workbench.",
        LOOK,
        ("restored",),
        only=True,
    ),
    Action("job.retry", "r", "again", "Run the same job again.", RESTORE, ("again",)),
    Action(
        "job.discard",
        "d",
        "discard",
        "Delete what an interrupted restore has fetched; asks first.",
        RESTORE,
        ("discardable",),
        only=True,
        keeps=True,
    ),
    Action("job.plan", "p", "plan", "Plan a restore: the same, to change it.", RESTORE, ("plannable",)),
    Action(
        "job.last-good",
        "l",
        "last good",
        "Plan up to the last good commit before the damage.",
        CHOOSE,
        ("last-good",),
        footer=False,
    ),
    Action(
        "job.next-good",
        "n",
        "next good",
        "Plan the next good snapshot behind the damage.",
        CHOOSE,
        ("next-good",),
        footer=False,
    ),
    Action(
        "job.other",
        "w",
        "other replica",
        "Plan the same from another replica of this database.",
        CHOOSE,
        ("failed", "other-replica"),
        footer=False,
    ),
    Action("jobs.open", "enter", "open", "Show this job.", LOOK, ("row",)),
    Action("jobs.cancel", "x", "cancel", "Cancel this job; asks first.", RESTORE, ("row", "running")),
    Action("jobs.retry", "r", "again", "Run the same job again.", RESTORE, ("row", "again"), footer=False),
)
