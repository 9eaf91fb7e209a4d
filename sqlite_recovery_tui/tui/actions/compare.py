"""What can be done with the differences between a restored database and production, and with a rescue."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, PROVE, RESTORE, Action

NEEDS: dict[str, str] = {
    "compared": "This table is not compared yet",
    "lacking": "Production lacks none of these rows, and has changed none of them",
    "rescuable": "Production has this row alone: there is nothing to rescue",
    "writable": "There is nothing that could be written",
}

ACTIONS = (
    Action("diff.open", "enter", "rows", "Show the rows that differ, or both sides' SQL.", LOOK, ("row",)),
    Action("diff.mark", "space", "mark", "Mark this table, or take its mark away.", CHOOSE, ("compared",)),
    Action(
        "diff.rescue",
        "R",
        "rescue",
        "See what it would write to give production the rows of the marked tables that it lacks.",
        RESTORE,
        ("lacking",),
    ),
    Action("diff.again", "r", "again", "Compare both sides again.", LOOK),
    Action("diff.stop", "x", "stop", "Stop comparing; what is found stays.", PROVE, ("busy",)),
    Action("rows.open", "enter", "both sides", "Go over to the row's two sides, or back.", LOOK, ("row",)),
    Action(
        "rows.only",
        "f",
        "kind",
        "Show only rows that are missing, only changed ones, only those live has alone; again all.",
        LOOK,
    ),
    Action("rows.mark", "space", "mark", "Mark this row, or take its mark away.", CHOOSE, ("row",)),
    Action(
        "rows.rescue",
        "R",
        "rescue",
        "See what it would write to give production the marked rows, or this one.",
        RESTORE,
        ("row", "rescuable"),
    ),
    Action(
        "rescue.run",
        "enter",
        "rescue",
        "Write these rows into production; asks for production's name.",
        RESTORE,
        ("writable",),
        dangerous=True,
    ),
    Action(
        "rescue.update",
        "c",
        "changed too",
        "Also set rows back that production has with other values, or leave those alone.",
        CHOOSE,
    ),
    Action(
        "rescue.triggers",
        "T",
        "triggers",
        "Let production's triggers act on what is written, or keep them out of it.",
        CHOOSE,
    ),
    Action("rescue.again", "r", "again", "Compare again what would be written.", LOOK),
)
