"""Assertions in the console: shown with the checks, and a lock on the promote until overruled by name."""

from __future__ import annotations

import dataclasses

from sqlite_recovery_tui.config import Assertion, Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.screens.promote import PromoteScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.tui.acts import Actor, situation
from tests.tui.support import SMALL, make_console, opened, picture, press, screen, toasts, type_text, view
from tests.tui.test_promote import orders, own  # noqa: F401

HOLDS = Assertion("SELECT count(*) > 5000 FROM orders", 1, "orders are there")
FAILS = Assertion("SELECT count(*) FROM [nowhere/]", 0, "[/b] nothing is nowhere")


@situation("promote.overrule")
async def test_a_promote_is_locked_until_it_is_overruled(own: Settings, incident: DemoIncident) -> None:  # noqa: F811
    databases = tuple(
        dataclasses.replace(
            each,
            replicas=tuple(dataclasses.replace(one, assertions=(HOLDS, FAILS)) for one in each.replicas),
        )
        for each in own.databases
    )
    settings = dataclasses.replace(own, databases=databases)
    production = settings.database("shop.db").path
    damaged = orders(production)
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.go("B", "enter", "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        shown = picture(pilot)
        assert "holds · orders are there" in shown
        assert "fails · [/b] nothing is nowhere · no such table" in shown
        assert "an assertion does not hold" in shown
        await actor.go("P")
        promote = screen(pilot)
        assert isinstance(promote, PromoteScreen)
        assert "fails, locked" in picture(pilot)
        await actor.go("K", "y", "enter")
        assert view(pilot) == "promote"
        assert any("overrule it with o" in said for said in toasts(pilot))
        await actor.do("promote.overrule", leads="NameDialog")
        await type_text(pilot, FAILS.name)
        await press(pilot, "enter")
        assert "fails, overruled" in picture(pilot)
        assert orders(production) == damaged
        await press(pilot, "enter")
        await type_text(pilot, "shop.db")
        await press(pilot, "enter")
        assert promote.job is not None
        assert promote.job.state == "done", promote.job.error
        assert f"-overrule '{FAILS.name}'" in promote.job.command
        assert orders(production) == incident.before.orders
