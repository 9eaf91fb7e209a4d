"""An incident as Markdown, for the post-mortem: what happened when, what was chosen, proven and lost.

Whatever comes from the ledger is data: it is shown as code, and cannot become a heading, a link or a table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.history import telling
from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.words import both_zones, plural, rfc3339, span

CHOSEN = ("restore", "promote", "undo", "rescue")
"""Kinds of act that chose a state."""


def markdown(entries: Sequence[Entry], now: datetime) -> str:
    """Return the report on these acts, in any order; there is at least one."""
    acts = sorted(entries, key=lambda entry: (entry.started, entry.id or 0))
    parts = [
        _head(acts, now),
        _section("What happened", _table(acts)),
        _section("What was chosen", _chosen(acts)),
        _section("What was proven", _proven(acts)),
        _section("What was lost", _lost(acts)),
        _section("To do it again", _commands(acts)),
        _section("Every act in full", _details(acts)),
    ]
    return "\n".join(line for part in parts for line in part)


def write(text: str, path: Path) -> None:
    """Write a report to a new file that only its owner can read; raise `RefusedError` when there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise RefusedError(
            f"{path} exists and is not overwritten", object=str(path), hint="choose another name"
        ) from None
    except OSError as error:
        raise RecoverError(f"cannot write {path}: {error.strerror}", object=str(path)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise RecoverError(f"cannot write {path}: {error.strerror}", object=str(path)) from None


def code(text: object) -> str:
    """Return data as a Markdown code span, in which it can do nothing."""
    safe = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in str(text))
    fence = "`" * (max(map(len, re.findall(r"`+", safe)), default=0) + 1)
    padding = " " if "`" in safe or not safe.strip() else ""
    return f"{fence}{padding}{safe}{padding}{fence}"


def _head(acts: Sequence[Entry], now: datetime) -> Iterator[str]:
    first = acts[0].started
    last = max(entry.ended or entry.started for entry in acts)
    people = dict.fromkeys(f"{entry.user} on {entry.host}" for entry in acts)
    subjects = dict.fromkeys(entry.subject for entry in acts if entry.subject)
    yield f"# Incident of {first.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield ""
    yield f"- from {both_zones(first)} to {both_zones(last)}: {span((last - first).total_seconds())}"
    yield f"- {plural(len(acts), 'act')} by {', '.join(code(name) for name in people)}"
    yield f"- on {', '.join(code(name) for name in subjects) or 'nothing in particular'}"
    yield f"- written {both_zones(now)}; local time is that of the machine it was written on"
    yield ""


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from lines
    yield ""


def _table(acts: Sequence[Entry]) -> Iterator[str]:
    yield "| UTC | local | act | on | asked for | reached | outcome | took |"
    yield "|---|---|---|---|---|---|---|---|"
    for entry in acts:
        reached = rfc3339(entry.point_time) if entry.point_time else ""
        took = span(entry.duration) if entry.duration is not None else ""
        cells = (
            f"{entry.started.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            f"{entry.started.astimezone():%H:%M:%S}",
            _cell(entry.kind),
            _cell(entry.subject),
            _cell(entry.asked),
            reached,
            f"{_mark(entry)} {_plain(telling.state(entry))} {_cell(entry.error)}".rstrip(),
            took,
        )
        yield f"| {' | '.join(cells)} |"


def _mark(entry: Entry) -> str:
    return {"ok": "✓", "damaged": "✗", "failed": "✗", "running": "◐"}.get(entry.state, "▲")


def _cell(text: str | None) -> str:
    """Return data for a table, in which a bar would end the cell even inside code."""
    return code(text).replace("|", "\\|") if text else ""


def _chosen(acts: Sequence[Entry]) -> Iterator[str]:
    done = [entry for entry in acts if entry.outcome in ("ok", "damaged")]
    chosen = [entry for entry in done if entry.kind in CHOSEN]
    for entry in chosen:
        state = f": the state of {both_zones(entry.point_time)}" if entry.point_time else ""
        far = telling.distance(entry.distance_seconds)
        yield f"- {_when(entry)} {code(telling.title(entry))}{state}"
        if entry.asked:
            yield f"  - asked for {code(entry.asked)}{f': {far}' if far else ''}"
        if entry.position:
            yield f"  - position {code(entry.position)}"
        if entry.output:
            yield f"  - into {code(entry.output)}"
    if not chosen:
        yield "Nothing was restored."


def _proven(acts: Sequence[Entry]) -> Iterator[str]:
    shown = [entry for entry in acts if entry.verdict or entry.integrity]
    for entry in shown:
        words = [f"continuity {entry.verdict}"] if entry.verdict else []
        words += [f"checks of the database: {entry.integrity}"] if entry.integrity else []
        up_to = f", up to {both_zones(entry.point_time)}" if entry.point_time else ""
        yield f"- {_when(entry)} {code(telling.title(entry))}: {_plain('; '.join(words))}{up_to}"
        unproven = entry.results.get("unproven")
        for text in unproven if isinstance(unproven, list) else ():
            yield f"  - not proven: {code(text)}"
    if not shown:
        yield "Nothing was proven."


def _lost(acts: Sequence[Entry]) -> Iterator[str]:
    losses = [(entry, text) for entry in acts for text in telling.lost(entry)]
    for entry, text in losses:
        yield f"- {_when(entry)} {code(telling.title(entry))}: {code(text)}"
    for entry in acts:
        if entry.state == "damaged" and entry.error and not telling.lost(entry):
            yield f"- {_when(entry)} {code(telling.title(entry))}: {code(entry.error)}"
            losses.append((entry, entry.error))
    if not losses:
        yield "No act found that anything was missing. What was written after the state that was chosen is"
        yield "not in it."


def _commands(acts: Sequence[Entry]) -> Iterator[str]:
    commands = dict.fromkeys(entry.command for entry in acts if entry.command)
    lines = ["".join(char if char.isprintable() else "?" for char in command) for command in commands]
    fence = "`" * max(3, max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0) + 1)
    yield f"{fence}sh"
    yield from lines
    yield fence


def _details(acts: Sequence[Entry]) -> Iterator[str]:
    for entry in acts:
        yield f"### {rfc3339(entry.started)} {code(telling.title(entry))}"
        yield ""
        for name, value in telling.facts(entry):
            yield f"- {name}: {code(value)}" if name else f"  - {code(value)}"
        yield ""


def _when(entry: Entry) -> str:
    return f"{entry.started.astimezone(UTC):%H:%M:%S}Z"


def _plain(text: str) -> str:
    """Return words of ours, among which there may be some of a ledger that others wrote to."""
    return text if re.fullmatch(r"[a-z ,;:()-]*", text) else _cell(text)
