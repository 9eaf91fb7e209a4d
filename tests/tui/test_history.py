"""The console records what it does, tells every screen what was proven, and shows it as the history."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.tui.jobs import VerifyJob
from sqlite_recovery_tui.tui.screens.history import MOST
from sqlite_recovery_tui.tui.widgets.fact_sheet import FactSheet
from tests.history.acts import URL, restored
from tests.tui.hostile import HOSTILE, offending
from tests.tui.support import (
    LARGE,
    Gate,
    make_console,
    opened,
    picture,
    press,
    screen,
    settle,
    table,
    toasts,
    view,
)


async def test_jobs_are_recorded_and_what_they_prove_is_known_to_every_screen(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "R", "enter")
        [entry] = Ledger.open().entries()
        place, result = console.jobs.all[0].place, console.jobs.all[0].result
        assert (entry.kind, entry.state) == ("restore", "ok")
        assert (entry.url, entry.replica) == (place.url, place.replica)
        assert entry.verdict in ("proven", "consistent")
        assert entry.integrity == "ok"
        assert entry.command == console.jobs.all[0].command
        assert entry.sources is not None
        assert entry.sources.count == entry.results["objects"]
        assert entry.point_time == result.time
        assert entry.duration is not None

        proven = console.history.last_proof(place.url)
        assert proven is not None, "the workbench has checked what was restored"
        assert (proven.how, proven.point_time) == ("a full restore", result.time)

        verdicts = {}
        for each in console.listings.places:
            console.jobs.start(VerifyJob(place=each))
            await settle(pilot)
            shown = console.history.last_failure(each.url) or console.history.last_proof(each.url)
            assert shown is not None
            assert shown.how == "reading every object"
            assert each.timeline is not None
            assert each.timeline.newest is not None
            assert shown.point_time == each.timeline.newest.time
            verdicts[each.replica] = shown.verdict
    assert verdicts == {"primary": "proven", "offsite": "damaged", "archive": "proven"}
    assert [entry.state for entry in Ledger.open().entries(kind="verify")] == ["ok", "damaged", "ok"]


def _record(*entries: Entry) -> None:
    ledger = Ledger.open(warn=pytest.fail)
    for entry in entries:
        assert ledger.record(entry) is not None


async def test_the_history_shows_what_any_process_recorded_and_follows_it(settings: Settings) -> None:
    _record(restored(0), restored(1, kind="verify", outcome="damaged", error="a hole"))
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "4")
        assert view(pilot) == "history"
        assert table(pilot).source.row_count() == 2
        assert "✗ damaged: a hole" in picture(pilot)
        assert "✓ proven, sound" in picture(pilot)
        _record(restored(2, kind="drill"))
        screen(pilot)._look()  # what its timer does
        await settle(pilot)
        assert "drill" in picture(pilot)
        assert table(pilot).source.row_count() == 3
        await press(pilot, "1", "R", "enter")
        await press(pilot, "4")
        assert table(pilot).source.row_count() == 4, "a job of this session is there as soon as it ended"


async def test_an_act_is_read_in_full_and_its_command_copied(settings: Settings) -> None:
    _record(restored(0, results={"lost": ["everything after 13:00"]}, hint="look again"))
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "4", "y")
        assert console.clipboard == restored().command
        await press(pilot, "enter")
        assert view(pilot) == "ActDialog"
        sheet = pilot.app.screen.query_one(FactSheet).shown
        for words in ("asked for 5 min ago", "lost everything after 13:00", "hint look again", str(URL)):
            assert words in sheet
        await press(pilot, "end", "y", "escape")
        assert console.clipboard == restored().command
        assert view(pilot) == "history"


async def test_acts_are_filtered_sorted_and_marked_for_a_report(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _record(*(restored(minute, kind="restore" if minute % 2 else "verify") for minute in range(6)))
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "4", "S")
        moments = [table(pilot).source.row(index).key for index in range(6)]
        assert moments == sorted(moments), "the oldest first"
        await press(pilot, "slash", *"verify", "enter")
        assert table(pilot).source.row_count() == 3
        assert "3 of 6" in picture(pilot)
        await press(pilot, "e")
        assert view(pilot) == "ReportDialog"
        assert "Export 3 acts" in picture(pilot)
        await press(pilot, "escape")
        await press(pilot, "home", "space", "space", "e")
        assert "Export 2 acts" in picture(pilot)
        await press(pilot, "enter")
        [report] = tmp_path.glob("incident-*.md")
        assert report.read_text().count("### ") == 2
        assert any("2 acts written to" in words for words in toasts(pilot))
        before = report.read_bytes()
        await press(pilot, "e", "enter")
        assert "exists and is not overwritten" in picture(pilot)
        assert report.read_bytes() == before


async def test_a_history_that_cannot_be_read_is_said_there_and_stops_nothing(settings: Settings) -> None:
    path = Ledger.open().path
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE somebody_elses(x)")
    before = path.read_bytes()
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "4")
        assert "is not a history of sqlrecover" in picture(pilot)
        assert "move it away" in picture(pilot)
        await press(pilot, "1", "R", "enter")
        assert console.jobs.all[-1].state == "done"
        await press(pilot, "4")
        assert "▲ not everything is recorded" in picture(pilot)
    assert path.read_bytes() == before


async def test_hostile_words_stay_words(settings: Settings) -> None:
    names = ("database", "replica", "url", "asked", "output", "error", "hint", "command", "position")
    for minute, words in enumerate(HOSTILE):
        more = {"results": {"lost": [words], "folder": words}, "user": words, "host": words, "verdict": words}
        _record(restored(minute, **{**dict.fromkeys(names, words), **more}, kind=words))
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "4")
        assert not offending(picture(pilot).replace("\n", ""))
        for _ in HOSTILE[::3]:
            await pilot.press("enter")
            assert view(pilot) == "ActDialog"
            assert not offending(picture(pilot).replace("\n", ""))
            await pilot.press("escape", "down", "down", "down")
        await press(pilot, "e")
        assert view(pilot) == "ReportDialog"


async def test_thousands_of_acts_do_not_slow_a_key(settings: Settings) -> None:
    entries = [restored(minute) for minute in range(20)]
    ledger = Ledger.open()
    ledger.record(entries[0])
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(acts)") if row[1] != "id"]
        columns = ", ".join(f'"{name}"' for name in names)
        copied = f"INSERT INTO acts ({columns}) SELECT {columns} FROM acts"
        for _ in range(13):
            connection.execute(copied)
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "4")
        assert table(pilot).source.row_count() == MOST
        began = time.process_time()
        await pilot.press(*["down"] * 10)
        assert time.process_time() - began < 10 * 0.3


async def test_a_job_is_in_the_history_while_it_runs_and_when_the_console_was_left(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        gate = gate_stores("get")
        await press(pilot, "R")
        await pilot.press("enter")
        assert await asyncio.to_thread(gate.waiting.wait, 30)
        assert [entry.state for entry in Ledger.open().entries()] == ["running"]
        gate.open()
    assert console.engine.close(30)
    [entry] = Ledger.open().entries()
    assert entry.state in ("ok", "cancelled")
    assert entry.ended is not None
