"""What is the same on every screen: hints, help, palette, crumbs, notices, log, themes, and the end."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui import actions, areas
from sqlite_recovery_tui.tui.logbook import LogBook
from sqlite_recovery_tui.tui.logfile import keep_log
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.theme import THEMES
from sqlite_recovery_tui.tui.widgets.chrome import KeyBar, TopBar
from sqlite_recovery_tui.tui.widgets.log_pane import LogPane
from tests.tui.support import (
    LARGE,
    SIZES,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    table,
    toasts,
    type_text,
    view,
)


def _classes() -> list[type]:
    """Return every class of the console's screens and widgets."""
    from sqlite_recovery_tui.tui import screens, widgets

    names = [
        f"{package.__name__}.{module.name}"
        for package in (screens, widgets)
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found = [value for name in names for value in vars(importlib.import_module(name)).values()]
    return [each for each in found if isinstance(each, type)]


def _binds(each: type, action: actions.Action) -> bool:
    return any(getattr(binding, "id", None) == action.id for binding in vars(each).get("BINDINGS", ()))


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.id)
def test_every_action_of_the_registry_is_bound_and_done_by_something(action: actions.Action) -> None:
    from sqlite_recovery_tui.tui.app import Console

    if action.view == actions.AREA:
        assert areas.BY_ID[action.verb].key == action.keys
    elif action.view == actions.SHEET:
        assert any(binding.id == action.id for binding in Console.BINDINGS)
    elif action.view == actions.EVERYWHERE:
        assert hasattr(Console, action.method) or hasattr(ConsoleScreen, action.method)
    elif action.view in actions.PARTS.values():
        views = {view for view, part in actions.PARTS.items() if part == action.view}
        doing = {each.VIEW for each in _classes() if hasattr(each, action.method) and hasattr(each, "VIEW")}
        assert any(_binds(each, action) for each in _classes())
        assert views <= doing, action.id
    else:
        binding = [each for each in _classes() if _binds(each, action)]
        own = action.view == actions.TABLE or action.view in actions.DIALOGS
        wanted = f"action_{action.verb}" if own else action.method
        doing = [each for each in _classes() if binding and issubclass(each, tuple(binding))]
        assert any(hasattr(each, wanted) for each in doing), action.id


@pytest.mark.parametrize("size", SIZES)
async def test_hints_fit_and_always_name_help(settings: Settings, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        for key in ("", "enter", "enter", "enter", "J"):
            await press(pilot, *([key] if key else []))
            bar = screen(pilot).query_one(KeyBar)
            assert bar.render().cell_length <= size[0]
            assert "app.help" in {hint.action for hint in bar.shown}


@pytest.mark.parametrize("size", SIZES)
async def test_the_padlock_is_always_in_sight(settings: Settings, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        for key in ("enter", "enter", "enter"):
            await press(pilot, key)
            assert "⊘ read-only" in picture(pilot).splitlines()[0]


async def test_an_action_that_cannot_be_used_says_why(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "J")
        assert toasts(pilot) == ["No restore has been started yet"]


async def test_help_lists_every_key_of_the_view_and_searches(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "question_mark")
        assert view(pilot) == "HelpScreen"
        shown = {
            row.key
            for i in range(200)
            if i < table(pilot).source.row_count() and (row := table(pilot).source.row(i))
        }
        wanted = {action.id for action in (*actions.for_view("replica"), *actions.movements())}
        assert wanted <= shown
        await type_text(pilot, "newest state")
        assert "Plan a restore of the newest state." in picture(pilot)
        assert "One row up." not in picture(pilot)
        await press(pilot, "escape")
        assert view(pilot) == "replica"


async def test_help_has_room_for_keys_however_long_the_command_is(settings: Settings) -> None:
    far = Path("/srv", *["a-folder-of-many"] * 20, "litestream.yml")
    console = make_console(dataclasses.replace(settings, file=far))
    async with opened(console) as pilot:
        await press(pilot, "enter", "question_mark")
        assert "press y to copy all of it" in prose(pilot)
        await type_text(pilot, "newest state")
        assert "Plan a restore of the newest state." in picture(pilot)
        await press(pilot, "escape", "y")
        assert " command " in prose(pilot)
    async with opened(make_console(dataclasses.replace(settings, file=far)), LARGE) as pilot:
        await press(pilot, "enter", "question_mark")
        assert "in a shell: sqlrecover" in prose(pilot)
        assert prose(pilot).count("a-folder-of-many") > 14, "there is room for all of it"


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_offers_every_action_with_its_key_and_runs_it(settings: Settings, key: str) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, key)
        shown = picture(pilot)
        assert "Plan a restore of this database's newest state," in shown
        assert "not now: No restore has been started yet" in shown
        await type_text(pilot, "newest state")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        await press(pilot, "enter") if view(pilot) == "CommandPalette" else None
        assert view(pilot) == "plan"


async def test_escape_walks_up_and_stays_on_the_first_screen(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "enter")
        assert view(pilot) == "plan"
        await press(pilot, "escape")
        assert view(pilot) == "replica"
        await press(pilot, "escape")
        assert view(pilot) == "fleet"
        await press(pilot, "escape")
        assert view(pilot) == "fleet"


async def test_crumbs_and_hints_can_be_clicked(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "enter")
        bar = picture(pilot).splitlines()[0]
        await pilot.click(TopBar, offset=(bar.index("litestream.yml") + 2, 0))
        await press(pilot)
        assert view(pilot) == "fleet"
        hints = picture(pilot).splitlines()[-1]
        await pilot.click(KeyBar, offset=(hints.index("restore newest") + 2, 0))
        await press(pilot)
        assert view(pilot) == "plan"


async def test_clicking_a_selected_row_opens_it(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await pilot.click("#fleet", offset=(5, 2))
        await press(pilot)
        assert view(pilot) == "fleet"
        assert table(pilot).cursor == 1
        await pilot.click("#fleet", offset=(5, 2))
        await press(pilot)
        assert view(pilot) == "replica"
        assert "offsite" in picture(pilot).splitlines()[0]


async def test_copying_shows_what_was_copied(settings: Settings, incident: DemoIncident) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "y", "enter")
        assert console.clipboard == incident.replicas[0].as_uri()
        assert toasts(pilot) == [f"Copied: {incident.replicas[0].as_uri()}"]
        await press(pilot, "R", "y")
        assert console.clipboard.startswith("sqlrecover restore -config ")


async def test_keys_can_be_rebound_by_the_ids_of_the_registry(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        console.set_keymap({"fleet.latest": "n"})
        await press(pilot, "R")
        assert view(pilot) == "fleet"
        await press(pilot, "n")
        assert view(pilot) == "plan"


async def test_the_log_pane_shows_the_command_of_each_restore(settings: Settings) -> None:
    console = make_console(settings)
    logger = logging.getLogger("sqlite_recovery_tui")
    logger.addHandler(console.book)
    logger.setLevel(logging.INFO)
    try:
        async with opened(console, LARGE) as pilot:
            await press(pilot, "R", "enter")
            logger.error("[/] [b \x1b[2J from outside")
            await press(pilot, "ctrl+l")
            assert "[/] [b \\x1b[2J from outside" in picture(pilot)
            assert "sqlrecover restore -config" in picture(pilot)
            await press(pilot, "up", "up", "y")
            assert str(console.jobs.all[0].output) in console.clipboard
            await press(pilot, "ctrl+l")
            assert not pilot.app.screen.query(LogPane)
    finally:
        logger.removeHandler(console.book)


async def test_house_themes_take_turns(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        first = console.theme
        seen = []
        for _ in THEMES:
            await press(pilot, "ctrl+t")
            seen.append(console.theme)
            assert "✓ no gap" in picture(pilot)
        assert seen[-1] == first
        assert len(set(seen)) == len(THEMES)


async def test_without_colour_everything_still_says_its_state(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = make_console(settings)
    async with opened(console) as pilot:
        assert console.no_color
        assert "✓ no gap" in picture(pilot)
        assert "▌" in picture(pilot), "the cursor is a mark, not only a colour"


def test_the_log_goes_to_a_private_file_and_never_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loggers = [logging.getLogger(name) for name in ("sqlite_recovery_tui", "py.warnings", "")]
    before = [(logger, logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
    try:
        book = LogBook()
        file = keep_log(book, {"XDG_STATE_HOME": str(tmp_path)})
        assert file is not None
        logging.getLogger("sqlite_recovery_tui.tui").error("something [/] happened")
        assert "something [/] happened" in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
        assert "something" in book.notes[0].words
        assert capfd.readouterr() == ("", "")
    finally:
        logging.captureWarnings(False)
        for logger, handlers, propagate, level in before:
            for handler in set(logger.handlers) - set(handlers):
                handler.close()
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)


CRASH = """
import sys
from sqlite_recovery_tui.tui import app as module
class Broken(module.Console):
    def do_times(self):
        password = "hunter2-in-a-local"
        raise ValueError(password[:0] + "broken")
    def run(self):
        super().run(headless=True, size=(80, 24), auto_pilot=crash)
async def crash(pilot):
    await pilot.press("escape", "t")
module.Console = Broken
sys.exit(module.run(None))
"""

HANG = """
import sys, threading, time
from sqlite_recovery_tui.tui import app as module
class Hanging(module.Console):
    def on_mount(self):
        super().on_mount()
        self.engine.ask(Queue.SCAN, self, lambda _: hang(), then=print, failed=print)
        self.set_timer(0.2, self.exit)
    def run(self):
        super().run(headless=True, size=(80, 24))
from concurrent.futures import ThreadPoolExecutor
from sqlite_recovery_tui.tui.engine import Queue
def hang():  # as a library does: the interpreter waits for such a pool's threads at its end
    ThreadPoolExecutor(1).submit(time.sleep, 60).result()
module.Console = Hanging
sys.exit(module.run(None))
"""

COLOURS = """
import sys
from sqlite_recovery_tui.tui import app as module
class Watched(module.Console):
    def run(self):
        super().run(headless=True, size=(80, 24), auto_pilot=look)
async def look(pilot):
    await pilot.pause()
    filters = pilot.app.get_line_filters()
    colours = set()
    for strip in pilot.app.screen._compositor.render_strips():
        for filter in filters:
            strip = strip.apply_filter(filter, pilot.app.screen.background_colors[1])
        for _, style, _ in strip:
            colours |= {each.name for each in (style.color, style.bgcolor) if each and not each.is_default}
    print(bool(colours))
    pilot.app.exit()
module.Console = Watched
sys.exit(module.run(None, colour=sys.stdin.read() == "colour"))
"""


@pytest.mark.parametrize("wanted", ["colour", "none"])
def test_without_colour_there_is_none(wanted: str, tmp_path: Path) -> None:
    ended = _python(COLOURS, tmp_path, stdin=wanted)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == str(wanted == "colour")


def test_a_fault_ends_with_one_sentence_and_no_local_variables(tmp_path: Path) -> None:
    ended = _python(CRASH, tmp_path)
    assert ended.returncode == 1
    assert "hunter2" not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    assert "the console failed; nothing was written to your databases" in " ".join(ended.stderr.split())
    log = (tmp_path / ".local" / "state" / "sqlrecover" / "console.log").read_text()
    assert "ValueError: broken" in log
    assert "hunter2-in" not in log.replace('password = "hunter2-in-a-local"', "")


def test_leaving_does_not_wait_for_a_library_that_hangs(tmp_path: Path) -> None:
    ended = _python(HANG, tmp_path, timeout=15)
    assert ended.returncode == 0, ended.stderr


def _python(
    program: str, tmp_path: Path, timeout: float = 30, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        input=stdin,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TERM": "xterm-256color",
            "TEXTUAL_ANIMATIONS": "none",
        },
    )


def test_first_paint_needs_no_client_of_any_storage() -> None:
    program = (
        "import sys, sqlite_recovery_tui.tui.app, sqlite_recovery_tui.tui.screens.fleet\n"
        "heavy = {'boto3', 'botocore', 'obstore', 'numpy', 'apsw', 'paramiko'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
