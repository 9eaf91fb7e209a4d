"""The server dies, the network breaks, nothing answers any more: the place says so, the console goes on."""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from sqlite_recovery_tui.cli.main import run
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.storage.timeouts import PATIENT
from sqlite_recovery_tui.tui.app import Console
from tests.support.disks import disk
from tests.support.fault_proxy import Fault
from tests.tui.outage import OUTAGES, Outage, Outages, outages
from tests.tui.support import (
    inspectors,
    make_console,
    opened,
    picture,
    press,
    settle,
    toasts,
    type_text,
    view,
)

MOMENT = "2026-03-26 13:55 utc"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Wait shortly where nothing answers; elsewhere long enough for a server on a loaded machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "rclone-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rclone-secret")
    patient = PATIENT.read_seconds
    object.__setattr__(PATIENT, "read_seconds", 1.0 if "answer" in request.node.name else 5.0)
    yield
    object.__setattr__(PATIENT, "read_seconds", patient)


@pytest.fixture
def network(incident: DemoIncident) -> Iterator[Outages]:
    with outages(incident.directory) as serving:
        yield serving


@pytest.fixture
def console(network: Outages, tmp_path: Path) -> Console:
    return make_console(network.settings("primary", "jobs", scratch=tmp_path / "scratch"))


@pytest.fixture
def truth(incident: DemoIncident, tmp_path: Path) -> bytes:
    """What the moment holds, restored from the files themselves."""
    output = tmp_path / "truth.db"
    words = [
        "restore",
        "-timestamp",
        "2026-03-26T13:55:00Z",
        "-o",
        str(output),
        incident.replicas[0].as_uri(),
    ]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert run(words) == 0
    return output.read_bytes()


async def keys_are_answered(pilot: Pilot[None]) -> None:
    """Open the help and leave it, without waiting for what runs behind it."""
    before = view(pilot)
    await pilot.press("question_mark")
    await pilot.pause()
    assert view(pilot) == "HelpScreen"
    await pilot.press("escape")
    await pilot.pause()
    assert view(pilot) == before


def databases(scratch: Path) -> list[Path]:
    """Return every file that claims to be a restored database."""
    return [path for path in scratch.rglob("*.db") if path.is_file()]


async def to_the_plan(pilot: Pilot[None]) -> None:
    await press(pilot, "enter", "g")
    await type_text(pilot, MOMENT)
    await press(pilot, "enter")
    assert view(pilot) == "plan"
    assert "13:54:56" in picture(pilot)


@pytest.mark.parametrize("outage", OUTAGES)
async def test_listing(console: Console, network: Outages, outage: Outage) -> None:
    network.fail(outage)
    async with opened(console, (120, 36)) as pilot:
        shown = picture(pilot)
        assert "cannot list s3://replicas/primary" in shown
        assert "next step" in shown
        await keys_are_answered(pilot)
        await press(pilot, "enter")
        assert view(pilot) == "replica"
        assert "list it again" in picture(pilot)
        network.recover()
        await listed_again(pilot, lambda shown: "cannot list" not in shown)
        await press(pilot, "escape")
        await listed_again(pilot, lambda shown: shown.count("✓ no gap") >= 2)


async def listed_again(pilot: Pilot[None], good: Callable[[str], bool]) -> None:
    """List again until that is good: the server may be slower than the short time it is given here."""
    for _ in range(10):
        await press(pilot, "r")
        if good(picture(pilot)):
            return
    raise AssertionError(picture(pilot))


async def test_planning(network: Outages, tmp_path: Path) -> None:
    settings = network.settings("jobs", "again", scratch=tmp_path / "scratch")
    async with opened(make_console(settings), (120, 36)) as pilot:
        still = network.stop_at("/jobs/", method="HEAD")
        await press(pilot, "g")
        await type_text(pilot, MOMENT)
        await pilot.press("enter")
        await still.reached()
        assert view(pilot) == "plan"
        await pilot.press("enter")
        await pilot.pause()
        assert "Nothing runs yet: the plan is being made" in picture(pilot)
        network.fail("server killed")
        still.end()
        await settle(pilot)
        assert view(pilot) == "plan"
        assert "✗" in picture(pilot)
        assert "list the replicas again" in picture(pilot)
        await press(pilot, "enter")
        assert "Nothing was restored" in picture(pilot)
        await press(pilot, "r")
        shown = picture(pilot)
        assert "cannot list s3://replicas/jobs" in shown
        assert "when it was last listed" in shown
        await keys_are_answered(pilot)
        network.recover()
        await press(pilot, "r")
        assert "you get" in picture(pilot)


async def test_nothing_can_be_listed_at_all(console: Console, network: Outages) -> None:
    network.fail("server killed")
    async with opened(console, (120, 36)) as pilot:
        await press(pilot, "R")
        assert view(pilot) == "fleet"
        [said] = toasts(pilot)
        assert said.startswith("None of the replicas of app.db can be listed")
        assert "r lists again" in said
        network.recover()
        await press(pilot, "r")
        await press(pilot, "R")
        assert view(pilot) == "plan"
        assert "you get" in picture(pilot)


async def test_listing_half_way(console: Console, network: Outages) -> None:
    async with opened(console, (120, 36)) as pilot:
        assert "✓ no gap" in picture(pilot)
        still = network.stop_at("prefix=primary")
        await pilot.press("r")
        await still.reached()
        await keys_are_answered(pilot)
        network.fail("server killed")
        still.end()
        await settle(pilot)
        shown = picture(pilot)
        assert "cannot list s3://replicas/primary" in shown
        assert "14:03:08" in shown, "what was known is still there"
        network.recover()
        await press(pilot, "r")
        assert "cannot list" not in picture(pilot)


@pytest.mark.parametrize(
    ("part", "outage"),
    [("/snapshots/", "server killed"), ("/wal/", "connections cut"), ("/wal/", "no answer")],
)
async def test_restore(
    console: Console, network: Outages, outage: Outage, part: str, truth: bytes, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    async with opened(console, (120, 36)) as pilot:
        await to_the_plan(pilot)
        still = network.stop_at(part)
        await pilot.press("enter")
        await still.reached()
        await keys_are_answered(pilot)
        network.fail(outage)
        still.end()
        await settle(pilot)
        assert view(pilot) == "job"
        shown = picture(pilot)
        assert "✗ failed" in shown
        assert "cannot read generations/" in shown
        assert "try the same again" in shown
        assert databases(scratch) == []
        await keys_are_answered(pilot)

        network.recover()
        await press(pilot, "r")
        assert view(pilot) == "workbench"
        assert "every check passed" in picture(pilot)
    assert console.engine.close(10)
    [restored] = databases(scratch)
    assert restored.read_bytes() == truth
    assert not list(scratch.rglob(".*.sqlrecover")), "nothing half-made is left"
    assert not inspectors()


async def test_answers_that_break_off_are_read_on_without_a_word(
    console: Console, network: Outages, truth: bytes, tmp_path: Path
) -> None:
    async with opened(console, (120, 36)) as pilot:
        await to_the_plan(pilot)
        for part in ("/snapshots/", "/wal/", "/wal/"):
            network.proxy.add(Fault("truncate", 1, "GET", part, keep=4000))
        await press(pilot, "enter")
        assert "every check passed" in picture(pilot)
    [restored] = databases(tmp_path / "scratch")
    assert restored.read_bytes() == truth


async def test_a_restore_that_nothing_answers_can_be_cancelled(
    console: Console, network: Outages, tmp_path: Path
) -> None:
    async with opened(console, (120, 36)) as pilot:
        await to_the_plan(pilot)
        still = network.stop_at("/wal/")
        await pilot.press("enter")
        await still.reached()
        network.fail("no answer")
        await pilot.press("x")
        await pilot.pause()
        assert "Cancel this restore?" in picture(pilot)
        await pilot.click(
            next(each for each in pilot.app.screen.query(Button) if "Cancel" in str(each.label))
        )
        await settle(pilot)
        assert "cancelled" in picture(pilot)
        still.end()
    assert databases(tmp_path / "scratch") == []


async def test_proof(console: Console, network: Outages) -> None:
    async with opened(console, (120, 36)) as pilot:
        still = network.stop_at("/wal/")
        await pilot.press("v")
        await still.reached()
        await keys_are_answered(pilot)
        network.fail("server killed")
        still.end()
        await settle(pilot)
        assert view(pilot) == "job"
        shown = picture(pilot)
        assert "✗ failed" in shown
        assert "cannot read generations/" in shown
        network.recover()
        await press(pilot, "r")
        shown = picture(pilot)
        assert "every object was read" in shown


async def test_preview(console: Console, network: Outages) -> None:
    async with opened(console, (120, 36)) as pilot:
        await press(pilot, "down", "enter")
        still = network.stop_at("/ltx/")
        await pilot.press("v")
        await still.reached()
        await keys_are_answered(pilot)
        network.fail("server killed")
        still.end()
        await settle(pilot)
        assert "cannot read ltx/" in picture(pilot)
        network.recover()
        await press(pilot, "escape", "v")
        assert view(pilot) == "workbench"
        assert "cannot read" not in picture(pilot)
        assert "jobs" in picture(pilot)
    assert console.engine.close(10)
    assert not inspectors()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for half of the restore."""
    with disk(tmp_path / "disk", "1m") as folder:
        yield folder


async def test_a_full_disk(network: Outages, small_disk: Path, truth: bytes) -> None:
    console = make_console(network.settings("primary", scratch=small_disk / "scratch"))
    async with opened(console, (120, 36)) as pilot:
        await to_the_plan(pilot)
        await press(pilot, "enter")
        shown = picture(pilot)
        assert "✗ failed" in shown
        assert "No space left" in shown or "full" in shown
        assert "free" in shown, "the next step is named"
        assert databases(small_disk) == []
        await keys_are_answered(pilot)
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        await press(pilot, "r")
        assert "every check passed" in picture(pilot)
    assert console.engine.close(10)
    [restored] = databases(small_disk)
    assert restored.read_bytes() == truth
