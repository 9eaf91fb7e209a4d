"""What can be done with the plan of a restore."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, RESTORE, Action

NEEDS: dict[str, str] = {
    "nearest-before": "There is no restore point before the time you asked for",
    "nearest-after": "There is no restore point after the time you asked for",
}

ACTIONS = (
    Action("plan.run", "enter", "restore", "Run this plan into the output file.", RESTORE, ("plan",)),
    Action(
        "plan.output",
        "o",
        "output",
        "Change where the restored database is written.",
        RESTORE,
        ("plan",),
        keeps=True,
    ),
    Action(
        "plan.refresh",
        "r",
        "list again",
        "List the replicas of this plan again, and plan on what they hold then.",
        LOOK,
        footer=False,
    ),
    Action("plan.time", "g slash", "other time", "Type another time to go back to.", CHOOSE),
    Action(
        "plan.other",
        "w",
        "other replica",
        "Plan the same from the next replica of this database.",
        CHOOSE,
        ("other-replica",),
        only=True,
    ),
    Action(
        "plan.preview",
        "v",
        "preview",
        "Look into what it leads to without a restore: pages come as they are looked at.",
        LOOK,
        ("plan", "previewable"),
        only=True,
    ),
    Action(
        "plan.nearest-before",
        "b",
        "take earlier",
        "Take the nearest restore point before the time asked for.",
        CHOOSE,
        ("nearest-before",),
        footer=False,
    ),
    Action(
        "plan.nearest-after",
        "a",
        "take later",
        "Take the nearest restore point after the time asked for.",
        CHOOSE,
        ("nearest-after",),
        footer=False,
    ),
    Action(
        "plan.last-good",
        "l",
        "last good",
        "Plan up to the last good commit before the damage.",
        CHOOSE,
        ("last-good",),
        footer=False,
    ),
    Action(
        "plan.next-good",
        "n",
        "next good",
        "Plan the next good snapshot behind the damage.",
        CHOOSE,
        ("next-good",),
        footer=False,
    ),
    Action(
        "plan.recipe", "m", "by hand", "Show the steps of this restore as shell commands.", LOOK, ("plan",)
    ),
)
