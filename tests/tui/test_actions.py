"""One list of actions serves keymap, footer, help and palette, and contradicts itself nowhere."""

from __future__ import annotations

import itertools

import pytest

from sqlite_recovery_tui.tui import actions
from sqlite_recovery_tui.tui.actions import ACTIONS, EVERYWHERE, NEEDS, TABLE

SHARED = {EVERYWHERE, actions.AREA, TABLE, actions.SHEET}
VIEWS = sorted({action.view for action in ACTIONS} - SHARED - {*actions.DIALOGS})


def test_ids_are_unique() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("view", VIEWS)
def test_no_key_means_two_things_in_one_view(view: str) -> None:
    taken = list(itertools.chain(*(action.keys.split() for action in actions.for_view(view))))
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize(
    "view", [view for view in VIEWS if view not in ("welcome", "plan", "job", *actions.PARTS.values())]
)
def test_moving_in_a_table_hides_no_action_of_its_view(view: str) -> None:
    moving = set(itertools.chain(*(action.keys.split() for action in actions.movements())))
    assert not moving & set(itertools.chain(*(action.keys.split() for action in actions.for_view(view))))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_an_action_explains_itself(action: actions.Action) -> None:
    assert action.description.endswith(".")
    assert action.label or action.view in (TABLE, actions.SHEET)
    assert set(action.needs) <= set(NEEDS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_keys_reach_the_console_on_every_terminal(action: actions.Action) -> None:
    for key in action.keys.split():
        assert "shift+" not in key, "capital letters are bound by the letter"
        assert key not in ("ctrl+m", "ctrl+i", "ctrl+h", "ctrl+j", "ctrl+s", "ctrl+z")
        assert len(key) > 1 or key.isalnum(), "punctuation is bound by its name"
        assert not action.priority or key.startswith(("ctrl+", "f"))


def test_bindings_carry_the_ids_that_a_keymap_rebinds() -> None:
    made = actions.bindings("replica")
    assert {binding.id for binding in made} == {action.id for action in ACTIONS if action.view == "replica"}
    time = next(binding for binding in made if binding.id == "replica.time")
    assert time.key == "g"
    assert time.action == "app.act('replica.time')"


def test_keys_are_written_as_people_name_them() -> None:
    assert actions.BY_ID["app.help"].shown_keys == "?  f1"
    assert actions.BY_ID["app.log"].shown_key == "ctrl+l"
