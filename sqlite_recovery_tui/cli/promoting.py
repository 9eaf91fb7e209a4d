"""How a promote and an undo are told: the checklist before, what was done after, what an earlier one left."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import ConfigError
from sqlite_recovery_tui.words import plural, size, span

if TYPE_CHECKING:
    from sqlite_recovery_tui.promote.expiry import UndoRule
    from sqlite_recovery_tui.promote.plan import PromotePlan
    from sqlite_recovery_tui.promote.run import PromoteResult

_MOST_TABLES = 40


def show_plan(session: Session, plan: PromotePlan, again: str) -> None:
    """Print what would happen; `again` is the command line that does it."""
    session.out.marked("bold", "plan", f"  {plan.new.path} becomes {plan.live.beside.named}")
    session.out.facts(list(_facts(plan)))
    changed = [table for table in plan.tables if table.is_changed]
    if changed:
        session.out.line()
        session.out.table(
            ("table", "production", "new", "difference"),
            [
                (table.table, _rows(table.live_rows), _rows(table.new_rows), f"{table.difference:+,}")
                for table in sorted(changed, key=lambda table: table.difference)[:_MOST_TABLES]
            ],
        )
        if len(changed) > _MOST_TABLES:
            session.out.line(f"and {plural(len(changed) - _MOST_TABLES, 'table')} more")
    for warning in plan.choice.warnings:
        session.err.warning(warning)
    for outcome in plan.assertions:
        if not outcome.ok:
            session.err.warning(f"locked, unless overruled: -overrule {shlex.quote(outcome.name)}")
    session.out.line()
    session.out.line(f"nothing was changed; to do it: {again}")


def _facts(plan: PromotePlan) -> Iterator[tuple[str, object]]:
    from sqlite_recovery_tui.promote.choice import daemon_words

    live = plan.live
    yield "mode", f"{plan.choice.mode}: {plan.choice.why}"
    yield "production", _live_words(plan)
    yield "new", f"{size(plan.new.size)}, checked: {plan.integrity.verdict}, sha256 {plan.new.sha256}"
    if said := daemon_words(live, plan.choice.mode):
        yield "daemon", said
    if live.applications:
        yield "open in", ", ".join(map(str, live.applications))
    elif live.exists:
        yield "open in", f"no {'other ' if said else ''}process that can be seen from here"
    if plan.tables:
        yield "rows", f"{plan.lost_rows:,} fewer where tables shrink, {plan.won_rows:,} more where they grow"
    elif live.state == "unreadable":
        yield "rows", "production cannot be read, so nobody can count what is lost"
    for outcome in plan.assertions:
        word = "holds" if outcome.ok else "FAILS"
        yield "assertion", f"{word}: {outcome.name}: {outcome.words}"
    yield "space", f"{size(plan.needed_bytes)} needed, {size(plan.free_bytes)} free"
    yield "undo", "what is there now is kept as an undo point" if live.exists else "nothing is there to keep"


def _live_words(plan: PromotePlan) -> str:
    live = plan.live
    match live.state:
        case "missing" | "empty":
            return f"{live.beside.real} is {live.state}"
        case "healthy":
            log = "write-ahead log" if live.is_wal else "rollback journal"
            return f"{live.beside.real}, {size(live.size)}, {log}"
        case _:
            return f"{live.beside.real}, {size(live.size)}, cannot be opened: {live.problem}"


def _rows(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def show_result(session: Session, result: PromoteResult, word: str) -> None:
    """Print what was done."""
    live = result.plan.live
    tell_recovered(session, result)
    session.out.marked("ok", word, f"  {live.beside.named}  {result.mode}, {span(result.duration_seconds)}")
    facts: list[tuple[str, object]] = [("checked", result.checked.words)]
    if result.undo is not None:
        facts += [("undo point", result.undo), ("take back", f"sqlrecover undo {live.beside.named}")]
    facts += [("expired", name) for name in result.expired]
    session.out.facts(facts)
    session.document(result.to_json())


def tell_recovered(session: Session, result: PromoteResult) -> None:
    """Say that an earlier promote was found unfinished, and what became of it."""
    if result.recovered is not None:
        session.err.warning(str(result.recovered))


def of_result(result: PromoteResult) -> dict[str, Any]:
    """Return what the history keeps of a promote."""
    return {
        "database": str(result.plan.live.beside.named),
        "output": str(result.plan.live.beside.real),
        "integrity": result.plan.integrity.verdict,
        "results": {**result.to_json(), "tables": [table.to_json() for table in result.plan.tables]},
    }


def undo_rule(session: Session, database: Path) -> UndoRule:
    """Return when undo points of a database expire; a broken configuration keeps nobody from recovering."""
    from sqlite_recovery_tui.promote.expiry import UndoRule, rule_of

    try:
        return rule_of(session.settings, database)
    except ConfigError as error:
        session.err.warning(f"no undo point expires: {error}")
        return UndoRule()


def daemon_socket(session: Session) -> Path | None:
    """Return where the configuration has the daemon listen; a broken one keeps nobody from recovering."""
    try:
        settings = session.settings
    except ConfigError:
        return None
    return settings.daemon.control_socket if settings else None


def database_path(session: Session, wanted: str) -> Path:
    """Return the path of a database of the configuration, or `wanted` itself as a path."""
    from sqlite_recovery_tui.cli.files import configured

    path = Path(wanted)
    if path.exists() or "/" in wanted:
        return path
    return configured(session, wanted) or path
