"""A promote stays locked while an assertion fails, until that one is overruled by its name."""

from __future__ import annotations

from collections.abc import Collection

from sqlite_recovery_tui.errors import RefusedError, UsageError
from sqlite_recovery_tui.promote.plan import PromotePlan
from sqlite_recovery_tui.verify.assertions import Outcome, failed
from sqlite_recovery_tui.words import plural


def locks(plan: PromotePlan, overruled: Collection[str]) -> tuple[Outcome, ...]:
    """Return the assertions that keep the plan from being carried out."""
    return tuple(outcome for outcome in failed(plan.assertions) if outcome.name not in overruled)


def refuse(plan: PromotePlan, overruled: Collection[str]) -> None:
    """Raise `RefusedError` while an assertion locks the plan, `UsageError` for a name that none has."""
    known = [outcome.name for outcome in plan.assertions]
    unknown = next((name for name in overruled if name not in known), None)
    if unknown is not None:
        raise UsageError(
            f"no assertion is named {unknown!r}",
            hint=f"there are: {', '.join(known) or 'none'}",
        )
    found = locks(plan, overruled)
    if not found:
        return
    first = found[0]
    more = f", and {plural(len(found) - 1, 'other assertion')}" if len(found) > 1 else ""
    raise RefusedError(
        f"locked: “{first.name}” does not hold in {plan.new.path.name} ({first.words}){more}",
        object=str(plan.new.path),
        hint=f"restore another moment, or overrule it by its name: --overrule {first.name!r}",
    )
