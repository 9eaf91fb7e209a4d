"""The lock on a promote: assertions that do not hold, and overruling one by typing its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Assertion
    from sqlite_recovery_tui.promote.plan import PromotePlan
    from sqlite_recovery_tui.tui.navigation import Navigation
    from sqlite_recovery_tui.verify.assertions import Outcome


def assertions_for(console: Navigation, file: Path, database: Path) -> Callable[[], tuple[Assertion, ...]]:
    """Return what says, in a thread, what is asserted of `file` before it takes the place of `database`."""
    settings = console.settings

    def wanted() -> tuple[Assertion, ...]:
        from sqlite_recovery_tui.restore.travelling.note import replica_of
        from sqlite_recovery_tui.verify.assertions import configured

        return configured(settings, str(database), replica_of(file))

    return wanted


def locking(plan: PromotePlan, overruled: Collection[str]) -> tuple[Outcome, ...]:
    """Return the assertions that keep a plan from being carried out."""
    return tuple(each for each in plan.assertions if not each.ok and each.name not in overruled)


def assertion_facts(outcomes: tuple[Outcome, ...], overruled: Collection[str]) -> Iterator[Fact]:
    """Yield a line for each assertion."""
    for number, outcome in enumerate(outcomes):
        label = "" if number else "asserted"
        name = text.safe(outcome.name, 60)
        if outcome.ok:
            yield label, text.line(("✓ holds", "$text-success"), (f" · {name}", text.MUTED))
            continue
        word = "▲ fails, overruled" if outcome.name in overruled else "✗ fails, locked (o overrules it)"
        style = "$text-warning" if outcome.name in overruled else "bold $text-error"
        yield label, text.line((word, style), (f" · {name}: {text.safe(outcome.words, 80)}", text.MUTED))


def ask_to_overrule(console: Navigation, outcome: Outcome, then: Callable[[str], None]) -> None:
    """Ask for an assertion's name, and call `then` with it once it was typed."""
    from sqlite_recovery_tui.tui.screens.name_dialog import NameDialog

    def typed(name: str | None) -> None:
        if name is not None:
            then(name)

    detail = f"It answers {text.safe(outcome.words, 120)}."
    console.push_screen(NameDialog("Promote though this does not hold?", detail, outcome.name), typed)
