"""What can be done inside a database: with its tables, its rows, one value, the schema of a table."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, CONSOLE, LOOK, PROVE, RESTORE, Action

NEEDS: dict[str, str] = {
    "broken": "Nothing has failed here",
    "busy": "Nothing is running that could be stopped",
    "whole": "This is a preview: checks need all of the database. R restores it first",
    "preview": "It is restored already",
    "table": "Choose a table first; this is an answer to SQL, or nothing yet",
    "rows": "There is nothing to export yet: choose a table, or ask with s",
    "live": "There is no production file here to compare with, or it is not read yet",
    "scratch": "Only a scratch can be moved through time: this file was restored somewhere else",
    "statement": "Ask something first: s takes SQL",
    "bytes": "A number, or nothing at all: there are no bytes to save",
    "more": "This is the end of the value",
    "before": "This is the beginning of the value",
}

ACTIONS = (
    Action("workbench.open", "enter", "open", "Preview the table, or show the whole cell.", LOOK, ("row",)),
    Action(
        "workbench.diff",
        "D",
        "differences",
        "See which rows production lacks, has changed, or has alone, and rescue what it lacks.",
        LOOK,
        ("whole", "live"),
    ),
    Action(
        "workbench.promote",
        "P",
        "promote",
        "See what it would mean to put this database in production's place, and do it.",
        RESTORE,
        ("whole", "production"),
    ),
    Action("workbench.sql", "s", "SQL", "Ask the database in read-only SQL.", LOOK),
    Action(
        "workbench.earlier",
        "comma",
        "commit back",
        "Move the scratch one commit back in its history; what is shown follows.",
        CHOOSE,
        ("whole", "scratch"),
        keeps=True,
    ),
    Action(
        "workbench.later",
        "full_stop",
        "commit on",
        "Move the scratch one commit on in its history; what is shown follows.",
        CHOOSE,
        ("whole", "scratch"),
        keeps=True,
    ),
    Action(
        "workbench.filter",
        "slash",
        "filter",
        "Keep only the tables, or in the preview the columns, whose names a regular expression fits.",
        LOOK,
    ),
    Action("workbench.where", "w", "where", "Show only rows that meet an SQL condition.", LOOK, ("table",)),
    Action("workbench.order", "o", "order", "Sort the rows by an index of the table.", LOOK, ("table",)),
    Action("workbench.row", "g", "go to", "Go to a row by its number, or by its key.", LOOK, ("table",)),
    Action(
        "workbench.schema",
        "i",
        "schema",
        "Show columns, keys, indexes, triggers and the SQL of the table.",
        LOOK,
        ("table",),
    ),
    Action(
        "workbench.export",
        "e",
        "export",
        "Write the table or the answer to a CSV, JSON or SQL file.",
        CHOOSE,
        ("rows",),
        keeps=True,
    ),
    Action(
        "workbench.again",
        "r",
        "again",
        "Read again what could not be read.",
        LOOK,
        ("broken",),
        only=True,
    ),
    Action("workbench.report", "v", "verdict", "Show everything the checks had to say.", PROVE),
    Action(
        "workbench.check", "c", "check again", "Run every check of this database again.", PROVE, ("whole",)
    ),
    Action(
        "workbench.restore",
        "R",
        "restore",
        "Plan a restore of what is previewed.",
        RESTORE,
        ("preview",),
        only=True,
    ),
    Action("workbench.stop", "x", "stop", "Stop the running query, or the checks.", PROVE, ("busy",)),
    Action(
        "workbench.plan",
        "E",
        "query plan",
        "Show how SQLite goes about the last statement.",
        LOOK,
        ("statement",),
        footer=False,
    ),
    Action(
        "workbench.limit",
        "T",
        "time limit",
        "Give statements and conditions more time: 10 s, 1 min, 10 min, no limit.",
        LOOK,
        footer=False,
    ),
    Action("schema.copy-sql", "Y", "copy SQL", "Copy the SQL that made the table.", LOOK),
    Action("schema.export", "e", "export", "Write the table to a CSV, JSON or SQL file.", CHOOSE, keeps=True),
    Action("cell.form", "tab v", "form", "Show it as text, as JSON, in hexadecimal.", LOOK),
    Action("cell.more", "n", "next piece", "Read the piece behind this one.", LOOK, ("more",)),
    Action("cell.before", "p", "piece before", "Read the piece in front of this one.", LOOK, ("before",)),
    Action("cell.save", "s", "save", "Write all of the value to a new file.", CHOOSE, ("bytes",), keeps=True),
    Action("ask.older", "up", "older", "Bring back what was asked before.", CONSOLE, footer=False),
    Action("ask.newer", "down", "newer", "Bring back what was asked after that.", CONSOLE, footer=False),
    Action(
        "ask.complete", "tab", "complete", "Complete a name; again for the next one.", CONSOLE, footer=False
    ),
    Action("order.take", "enter", "sort", "Sort by what is selected.", CONSOLE, footer=False),
    Action("order.leave", "escape q", "leave", "Leave the order as it is.", CONSOLE, footer=False),
    Action("save.form", "tab", "form", "Change to the next form: CSV, JSON, SQL.", CONSOLE, footer=False),
    Action("save.leave", "escape", "leave", "Write nothing.", CONSOLE, footer=False),
)
DIALOGS = ("ask", "order", "save")
"""What lies over the screens of this file."""
