"""The ledger keeps what it is told, gives it back as it was, and says what was proven."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.history.rows import MAX_ITEMS
from sqlite_recovery_tui.history.sources import KEPT_AT_EACH_END, Sources
from tests.history.acts import MOMENT, URL, restored


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "state" / "history.db", warn=pytest.fail)


def segments(count: int) -> list[WalSegment]:
    return [
        WalSegment("5f3a91c2d4e5f607", number, 0, f"wal/{number:08x}.lz4", 100, MOMENT, f"etag-{number}")
        for number in range(count)
    ]


def test_an_act_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    entry = restored(
        sources=Sources.of(segments(3)),
        results={"distance_seconds": 12.5, "lost": ["the end"], "notes": []},
        error='a "quoted" \x1b[31m line\nof 日本 \udcff',
        hint="try again",
    )
    number = ledger.record(entry)
    back = ledger.entry(number or 0)
    sound = """a "quoted" \x1b[31m line\nof 日本 \\udcff"""
    assert back == dataclasses.replace(entry, id=number, error=sound)
    assert back.distance_seconds == 12.5
    assert back.sources is not None
    assert back.sources.items[1]["etag"] == "etag-1"


def test_nothing_is_made_or_read_before_it_is_needed(ledger: Ledger) -> None:
    assert ledger.entries() == []
    assert ledger.last_proof(URL) is None
    assert not ledger.path.parent.exists()


def test_only_its_owner_can_read_it(ledger: Ledger) -> None:
    ledger.record(restored())
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700
    ledger.path.chmod(0o644)
    ledger.record(restored())
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


def test_an_act_that_began_is_completed_and_not_written_twice(ledger: Ledger) -> None:
    began = restored(outcome=None, ended=None, duration=None)
    number = ledger.record(began)
    assert [entry.state for entry in ledger.entries()] == ["running"]
    assert ledger.record(dataclasses.replace(restored(), id=number)) == number
    assert [(entry.id, entry.state) for entry in ledger.entries()] == [(number, "ok")]


def test_an_act_whose_beginning_was_lost_is_written_whole(ledger: Ledger) -> None:
    assert ledger.record(restored(id=77)) == 1
    assert ledger.entry(1).outcome == "ok"


def test_entries_are_found_by_kind_database_and_time_newest_first(ledger: Ledger) -> None:
    for minute in range(6):
        ledger.record(restored(minute, kind="restore" if minute % 2 else "verify"))
    ledger.record(restored(6, database="/srv/my_jobs.db", url="file:///mnt/jobs"))
    ledger.record(restored(7, database="/srv/my-jobs.db", url="file:///mnt/other"))
    minutes = [(entry.started - MOMENT) / timedelta(minutes=1) for entry in ledger.entries()]
    assert minutes == [7, 6, 5, 4, 3, 2, 1, 0]
    assert {entry.kind for entry in ledger.entries(kind="verify")} == {"verify"}
    assert len(ledger.entries(limit=2)) == 2
    for name in ("my_jobs.db", "/srv/my_jobs.db", "file:///mnt/jobs"):
        assert [entry.database for entry in ledger.entries(database=name)] == ["/srv/my_jobs.db"]
    since, until = MOMENT + timedelta(minutes=2), MOMENT + timedelta(minutes=4)
    assert len(ledger.entries(since=since, until=until)) == 3
    assert ledger.entries(database="srv") == []


def test_an_act_that_is_not_there_is_not_found(ledger: Ledger) -> None:
    ledger.record(restored())
    with pytest.raises(NotFoundError, match="no act 9"):
        ledger.entry(9)


def test_long_lists_are_kept_in_part_and_hashed_whole(ledger: Ledger) -> None:
    many = Sources.of(segments(100_000))
    assert (many.count, many.size, many.left_out) == (100_000, 10_000_000, 100_000 - 2 * KEPT_AT_EACH_END)
    assert [item["object"] for item in (many.items[0], many.items[-1])] == [
        "wal/00000000.lz4",
        "wal/0001869f.lz4",
    ]
    changed = segments(100_000)
    changed[50_000] = dataclasses.replace(changed[50_000], etag="another")
    assert Sources.of(changed).sha256 != many.sha256
    number = ledger.record(
        restored(sources=many, results={"lost": ["x" * 10] * 5000, "more": {"deep": ["y"] * 5000}})
    )
    back = ledger.entry(number or 0)
    assert back.sources == many
    assert len(back.results["lost"]) == len(back.results["more"]["deep"]) == MAX_ITEMS + 1
    assert back.results["lost"][-1] == "and 4,900 more"
    assert ledger.path.stat().st_size < 128 << 10


def test_results_beyond_any_measure_are_left_out(ledger: Ledger) -> None:
    huge = {"text": "x" * 10_000_000, "many": {str(number): "x" * 1000 for number in range(1000)}, "pages": 7}
    back = ledger.entry(ledger.record(restored(error="e" * 10_000_000, results=huge)) or 0)
    assert back.results.keys() == {"text", "pages", "cut"}
    assert len(back.error or "") == len(back.results["text"]) < 5000
    assert ledger.path.stat().st_size < 128 << 10


PROOFS = [
    (restored(), "proven", "a full restore"),
    (restored(integrity=None), None, ""),
    (restored(integrity="timed-out", outcome="ok"), None, ""),
    (restored(verdict="consistent"), "proven", "a full restore"),
    (restored(verdict="consistent", integrity="damaged", outcome="damaged"), "failed", "a full restore"),
    (restored(outcome="damaged", verdict=None, integrity=None), "failed", "a full restore"),
    (restored(outcome="failed"), None, ""),
    (restored(outcome="cancelled"), None, ""),
    (restored(outcome=None), None, ""),
    (restored(kind="verify", integrity=None), "proven", "reading every object"),
    (restored(kind="verify", integrity=None, verdict="damaged", outcome="damaged"), "failed", "reading"),
    (restored(kind="drill"), "proven", "a full restore"),
    (restored(kind="drill", integrity="damaged"), "failed", "a full restore"),
    (restored(kind="check"), None, ""),
    (restored(kind="follow"), None, ""),
    (restored(url=None), None, ""),
    (restored(point_time=None), None, ""),
]


@pytest.mark.parametrize(("entry", "proof", "how"), PROOFS)
def test_what_counts_as_a_proof(entry: Entry, proof: str | None, how: str, ledger: Ledger) -> None:
    assert entry.proof == proof
    ledger.record(entry)
    last, failure = ledger.last_proof(URL), ledger.last_failure(URL)
    assert (last is not None) == (proof == "proven")
    assert (failure is not None) == (proof == "failed")
    shown = last or failure
    if shown is not None:
        assert shown.how.startswith(how)
        assert shown.ok == (proof == "proven")
        assert (shown.place, shown.at) == (entry.position, entry.ended)


def test_proofs_are_those_of_one_replica_and_newest_first(ledger: Ledger) -> None:
    for minute in (1, 3, 2):
        ledger.record(restored(minute))
    ledger.record(restored(5, url="s3://backup/other"))
    damaged = ledger.record(restored(4, outcome="damaged"))
    moments = [proof.point_time for proof in ledger.proofs(URL)]
    assert moments == [restored(minute).point_time for minute in (3, 2, 1)]
    failure = ledger.last_failure(URL)
    assert failure is not None
    assert failure.entry == damaged
    assert ledger.last_failure("s3://backup/other") is None
    ledger.record(restored(6))
    assert ledger.last_failure(URL) is None


def test_proofs_are_read_once_and_again_when_another_process_records(ledger: Ledger) -> None:
    ledger.record(restored(1))
    first = ledger.all_proofs()
    assert ledger.all_proofs() is first
    other = Ledger.open(ledger.path)
    other.record(restored(2, url="s3://backup/other"))
    os.utime(ledger.path)  # a file system may count time in steps that are longer than this test
    assert ledger.last_proof("s3://backup/other") is not None


def test_what_was_restored_to_a_path_is_found(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record(restored(1, output=str(tmp_path / "a.db")))
    newest = ledger.record(restored(2, output=str(tmp_path / "a.db")))
    ledger.record(restored(3, output=str(tmp_path / "a.db"), outcome="failed"))
    found = ledger.restored(tmp_path / "a.db")
    assert found is not None
    assert found.id == newest
    assert ledger.restored(tmp_path / "b.db") is None


def test_the_ledger_lies_in_the_state_directory(tmp_path: Path) -> None:
    assert state_folder({"XDG_STATE_HOME": "/state", "HOME": "/home/me"}) == Path("/state/sqlrecover")
    assert state_folder({"XDG_STATE_HOME": "here", "HOME": "/home/me"}) == Path(
        "/home/me/.local/state/sqlrecover"
    )
    assert Ledger.open().path == state_folder() / "history.db"
    assert not state_folder({}).is_relative_to(Path.home())


def test_any_tool_can_read_it(ledger: Ledger) -> None:
    ledger.record(restored(results={"pages": 3}))
    with sqlite3.connect(ledger.path) as connection:
        found = connection.execute("SELECT kind, url, started, json_extract(results, '$.pages') FROM acts")
        assert found.fetchall() == [("restore", URL, "2026-03-26T14:03:12.250000Z", 3)]
    connection.close()


def test_recording_imports_no_library_once_there_is_a_ledger(ledger: Ledger) -> None:
    ledger.record(restored())
    program = (
        "import sys; from pathlib import Path;"
        "from sqlite_recovery_tui.history.ledger import Ledger; from tests.history.acts import restored;"
        f"assert Ledger.open(Path({str(ledger.path)!r})).record(restored(1)) == 2;"
        "assert not {'sqlite_utils', 'click', 'yaml', 'apsw', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
