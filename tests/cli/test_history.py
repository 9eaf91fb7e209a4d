"""Every act of the command line is in the history: how it ended, what it proved, how to do it again."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.history.ledger import Ledger
from tests.cli.conftest import Cli
from tests.support.corpus import Case


def acts(cli: Cli, *options: object) -> list[dict[str, Any]]:
    """Return what `history --json` lists, oldest first."""
    found: list[dict[str, Any]] = cli("history", "--json", *options).document["entries"]
    return found[::-1]


def test_a_restore_is_recorded_with_what_it_reached_and_from_what(cli: Cli, plain: Case, out: Path) -> None:
    restored = cli("restore", "-json", "-integrity-check", "full", "-o", out, plain.url).document
    [act] = acts(cli)
    assert (act["kind"], act["state"], act["proof"]) == ("restore", "ok", "proven")
    assert (act["url"], act["output"]) == (restored["url"], str(out))
    assert datetime.fromisoformat(act["time"]) == datetime.fromisoformat(restored["time"])
    assert restored["position"]["generation"] in act["position"]
    assert (act["verdict"], act["integrity"]) == (restored["continuity"], "ok")
    assert act["requested"] == "the latest state"
    names = [item["object"] for item in act["sources"]["objects"]]
    assert len(names) == act["sources"]["count"] == restored["objects"]
    assert names[0] == restored["base"]
    assert all((plain.replica / name).stat().st_size == size for name, size in _sizes(act))
    assert act["user"]
    assert act["host"]


def _sizes(act: dict[str, Any]) -> list[tuple[str, int]]:
    return [(item["object"], item["size"]) for item in act["sources"]["objects"]]


def test_the_command_that_is_recorded_does_the_same_again_later(cli: Cli, plain: Case) -> None:
    segments = sorted(path.stat().st_mtime for path in plain.replica.glob("generations/*/wal/*.lz4"))
    clock = FixedClock(datetime.fromtimestamp(int(segments[len(segments) // 2]), UTC) + timedelta(minutes=2))
    words = ("restore", "-o", "a.db", "-timestamp=2 min ago", "-nearest", plain.url)
    first = cli(*words, "--json", clock=clock).document
    [act] = acts(cli)
    assert act["requested"] == "2 min ago"
    assert act["distance_seconds"] == first["distance_seconds"]
    Path("a.db").unlink()
    program, *again = shlex.split(act["command"])
    assert program == "sqlrecover"
    assert cli(*again, "--json").document["position"] == first["position"]


def test_an_act_that_came_to_nothing_says_why(cli: Cli, plain: Case, out: Path) -> None:
    out.write_bytes(b"there")
    assert cli("restore", "-o", out, plain.url).code == 7
    assert cli("restore", "-o", out.with_name("b.db"), "-timestamp", "2000-01-01", plain.url).code == 3
    assert cli("restore", "-o", out.with_name("c.db"), "file:///no/such/place").code == 6
    refused, outside, unreachable = acts(cli)
    assert refused["state"] == "refused"
    assert "exists" in refused["error"]
    assert (outside["state"], outside["requested"]) == ("failed", "2000-01-01")
    assert "oldest available" in outside["error"]
    assert outside["hint"]
    assert unreachable["state"] == "failed"
    assert unreachable["url"] == "file:///no/such/place"
    assert all(act["proof"] is None for act in acts(cli))


def test_what_is_no_act_is_not_recorded(cli: Cli, plain: Case, out: Path) -> None:
    cli("restore", "-dry-run", "-o", out, plain.url)
    cli("restore", plain.url)
    cli("restore", "-o", out, "-timestamp", "gibberish", plain.url)
    cli("restore", "-o", out, "no-such-database")
    out.write_bytes(b"there")
    cli("restore", "-if-db-not-exists", "-o", out, plain.url)
    cli("check", plain.url)
    cli("timeline", plain.url)
    cli("history")
    assert acts(cli) == []
    assert not Ledger.open().path.exists()


def test_a_proof_says_up_to_when_and_damage_where(cli: Cli, plain: Case) -> None:
    cli("verify", plain.url)
    cli("verify", "-full", plain.url)
    victim = sorted(plain.replica.glob("generations/*/wal/*.lz4"))[3]
    victim.write_bytes(victim.read_bytes()[:-20])
    cli("verify", plain.url)
    verify, drill, damaged = acts(cli)
    assert [act["kind"] for act in (verify, drill, damaged)] == ["verify", "drill", "verify"]
    assert [act["proof"] for act in (verify, drill, damaged)] == ["proven", "proven", "failed"]
    assert drill["integrity"] == "ok"
    assert verify["time"] == drill["time"] is not None
    assert victim.name in damaged["error"]
    ledger = Ledger.open()
    proven, failure = ledger.last_proof(plain.url), ledger.last_failure(plain.url)
    assert proven is not None
    assert failure is not None
    assert proven.how == "a full restore"
    assert failure.entry == damaged["id"]


def test_a_restore_that_is_checked_later_is_a_proof_from_then_on(cli: Cli, plain: Case, out: Path) -> None:
    cli("restore", "-o", out, plain.url)
    assert Ledger.open().last_proof(plain.url) is None
    cli("verify", out)
    proven = Ledger.open().last_proof(plain.url)
    assert proven is not None
    assert proven.how == "a full restore"
    restored, verified = acts(cli)
    assert (restored["integrity"], verified["integrity"]) == ("ok", "ok")
    assert verified["url"] is None


def test_a_file_that_was_written_since_says_nothing_of_the_replica(cli: Cli, plain: Case, out: Path) -> None:
    cli("restore", "-o", out, plain.url)
    with closing(sqlite3.connect(out)) as connection:
        connection.execute("CREATE TABLE another(x)")
    cli("verify", out)
    assert acts(cli)[0]["integrity"] is None
    assert Ledger.open().last_proof(plain.url) is None


def test_a_process_that_is_killed_is_shown_as_interrupted(cli: Cli, plain: Case, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "sqlite_recovery_tui",
        "restore",
        "-f",
        "-o",
        tmp_path / "copy.db",
        plain.url,
    ]
    process = subprocess.Popen([*words, "-json"], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": ""})
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "restored"
        [running] = acts(cli)
        assert (running["kind"], running["state"], running["ended"]) == ("follow", "running", None)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    [killed] = acts(cli)
    assert killed["state"] == "interrupted"
    assert "interrupted" in cli("history").out


def test_no_password_gets_into_the_history(cli: Cli, tmp_path: Path) -> None:
    url = "sftp://me:hunter2@127.0.0.1:1/replica"
    assert cli("restore", "-o", tmp_path / "out.db", url).code == 6
    [act] = acts(cli)
    assert act["state"] == "failed"
    assert "sftp://me:***@127.0.0.1:1/replica" in act["command"]
    assert b"hunter2" not in Ledger.open().path.read_bytes()


def test_the_list_can_be_narrowed_and_one_act_shown_in_full(cli: Cli, plain: Case, out: Path) -> None:
    cli("restore", "-o", out, plain.url)
    cli("verify", out)
    cli("verify", plain.url)
    assert [act["kind"] for act in acts(cli, "--kind", "verify")] == ["verify", "verify"]
    assert [act["url"] for act in acts(cli, "--database", plain.url)] == [plain.url, plain.url]
    assert len(acts(cli, "--limit", 1)) == 1
    assert len(acts(cli, "--since", "1 min ago")) == 3
    assert acts(cli, "--until", "1 min ago") == []
    shown = cli("history", "show", 1)
    assert shown.code == 0
    for words in ("restore of", plain.url, str(out), "made from", "continuity", "again with  sqlrecover"):
        assert words in shown.out
    assert cli("history", "show", 1, "--json").document["entry"]["id"] == 1
    table = cli("history").out
    assert table.splitlines()[0].split()[:3] == ["id", "began", "act"]
    assert len(table.splitlines()) == 4
    assert "only the newest 2 acts" in cli("history", "--limit", 2).err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show"], 2),
        (["show", "99"], 3),
        (["list", "3"], 2),
        (["-o", "x.md"], 2),
        (["--since", "gibberish"], 2),
        (["export"], 3),
    ],
)
def test_what_makes_no_sense_is_said(words: list[str], code: int, cli: Cli) -> None:
    answer = cli("history", *words)
    assert answer.code == code
    assert "hint: " in answer.err


def test_an_incident_is_exported_and_never_over_a_file(
    cli: Cli, plain: Case, out: Path, tmp_path: Path
) -> None:
    cli("restore", "-o", out, "-timestamp", "2000-01-01", "-nearest", plain.url)
    cli("verify", out)
    victim = sorted(plain.replica.glob("generations/*/wal/*.lz4"))[3]
    victim.write_bytes(victim.read_bytes()[:-20])
    cli("verify", plain.url)
    report = tmp_path / "incident.md"
    assert "3 acts written to" in cli("history", "export", "-o", report).out
    text = report.read_text()
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert [heading.removeprefix("## ") for heading in headings] == [
        "What happened",
        "What was chosen",
        "What was proven",
        "What was lost",
        "To do it again",
        "Every act in full",
    ]
    assert "asked for `2000-01-01`" in text
    assert "after the time asked for" in text
    assert victim.name in text.partition("## What was lost")[2].partition("##")[0]
    assert "sqlrecover restore -o" in text.partition("## To do it again")[2]
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    before = report.read_bytes()
    again = cli("history", "export", "-o", report)
    assert (again.code, report.read_bytes()) == (7, before)
    assert cli("history", "export").out.startswith("# Incident of ")
    assert cli("history", "export", "--json").document["markdown"].startswith("# Incident of ")


def test_a_history_that_cannot_be_kept_is_a_warning_and_no_failure(
    cli: Cli, plain: Case, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_bytes(b"in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    answer = cli("restore", "-o", out, plain.url, "--json")
    assert answer.code == 0
    assert answer.document["restored"]
    assert answer.err.count("warning: ") == 1
    assert "history" in answer.err
    assert cli("history").code == 0


def test_what_leaves_a_database_is_recorded(cli: Cli, plain: Case, out: Path, tmp_path: Path) -> None:
    cli("restore", "-o", out, plain.url)
    table = cli("tables", out, "--json").document["tables"][0]["name"]
    assert cli("export", out, table, "-o", tmp_path / "rows.csv").code == 0
    assert cli("export", out, table, "-o", tmp_path / "rows.csv").code == 7
    exported, refused = acts(cli, "--kind", "export")
    assert (exported["state"], refused["state"]) == ("ok", "refused")
    assert exported["requested"] == table
    assert exported["output"] == str(tmp_path / "rows.csv")
    assert exported["results"]["from"] == str(out)
    assert exported["results"]["bytes"] == (tmp_path / "rows.csv").stat().st_size


def test_replicas_say_when_they_were_proven(cli: Cli, plain: Case, out: Path) -> None:
    def listed() -> tuple[str, dict[str, Any]]:
        [member] = cli("replicas", plain.url, "--json").document["replicas"]
        heads, row = (line.split("  ") for line in cli("replicas", plain.url).out.splitlines())
        cells = [cell.strip() for cell in row if cell.strip()]
        return cells[[head.strip() for head in heads if head.strip()].index("proven")], member

    shown, member = listed()
    assert (shown, member["proven"], member["found_damaged"]) == ("-", None, None)
    cli("restore", "-o", out, "-integrity-check", "quick", plain.url)
    shown, member = listed()
    assert shown.endswith("ago") or shown == "now"
    assert member["proven"]["how"] == "a full restore"
    victim = sorted(plain.replica.glob("generations/*/wal/*.lz4"))[3]
    victim.write_bytes(victim.read_bytes()[:-20])
    cli("verify", plain.url)
    shown, member = listed()
    assert shown.startswith("damaged")
    assert member["found_damaged"]["verdict"] == "damaged"
    assert member["proven"] is not None
