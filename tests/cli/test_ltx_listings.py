"""What LTX replicas hold, in Litestream 0.5's columns; the listings of Litestream 0.3 answer for them too."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Answer, Cli
from tests.support.corpus import Case, case, cases


@pytest.fixture
def old(tmp_path: Path) -> Case:
    return case("v03-plain", tmp_path)


@pytest.fixture
def mixed(old: Case, levels: Case) -> Case:
    """A replica that 0.3 began and 0.5 goes on with."""
    shutil.copytree(levels.replica / "ltx", old.replica / "ltx")
    return old


def _paths(document: dict[str, Any]) -> list[str]:
    return [item["object"] for item in document["files"]]


def _tables(answer: Answer) -> list[list[list[str]]]:
    """Return the cells of each table, heads included."""
    return [[line.split() for line in table.splitlines()] for table in answer.out.split("\n\n")]


@pytest.mark.parametrize("name", cases("v05"))
def test_every_file_is_listed_with_its_size_and_time(name: str, cli: Cli, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    objects = {item["path"]: item for item in replica.manifest["objects"]}
    members = cli("ltx", "-level", "all", "-json", replica.url).document["files"]
    assert {member["object"] for member in members} == objects.keys()
    for member in members:
        path = f"ltx/{member['level']}/{member['min_txid']}-{member['max_txid']}.ltx"
        assert member["object"] == path
        assert member["size"] == objects[path]["size"]
        created = datetime.fromisoformat(member["created"]).timestamp()
        assert created == pytest.approx(objects[path]["mtime_ns"] / 1e9, abs=1e-5)
        assert member["url"] == replica.url


@pytest.mark.parametrize("level", ["0", "1", "9", "7", "all"])
def test_text_lists_what_json_lists(level: str, cli: Cli, levels: Case) -> None:
    text = cli("ltx", "-level", level, levels.url)
    document = cli("ltx", "-level", level, "-json", levels.url).document
    assert text.code == 0
    assert text.out.splitlines()[0].split() == [
        "level",
        "min_txid",
        "max_txid",
        "size",
        "created",
        "restores",
    ]
    assert [(int(row[0]), row[1], row[2], int(row[3])) for row in text.rows()] == [
        (item["level"], item["min_txid"], item["max_txid"], item["size"]) for item in document["files"]
    ]
    assert {item["level"] for item in document["files"]} <= (
        set(range(10)) if level == "all" else {int(level)}
    )
    assert document["errors"] == []


def test_level_0_is_listed_unless_told_otherwise_and_the_others_are_named(cli: Cli, levels: Case) -> None:
    answer = cli("ltx", levels.url)
    assert [row[0] for row in answer.rows()] == ["0"]
    assert "14 more files at levels 1, 2, 3, 9: add -level all\n" in answer.err
    assert cli("ltx", "-level", "all", levels.url).err == ""
    assert cli("ltx", "-json", levels.url).err == ""


@pytest.mark.parametrize("level", ["10", "-1", "", "0x1", "some"])
def test_a_level_that_there_is_not(level: str, cli: Cli, levels: Case) -> None:
    answer = cli("ltx", f"-level={level}", levels.url)
    assert answer.code == 2
    assert "is not a level" in answer.err


def test_each_file_names_the_state_that_can_be_asked_for(cli: Cli, uncompacted: Case, tmp_path: Path) -> None:
    (uncompacted.replica / "ltx/0/000000000000000a-000000000000000a.ltx").unlink()
    restores = {row[2]: row[5] for row in cli("ltx", uncompacted.url).rows()}
    assert restores["0000000000000009"] == "0000000000000009"
    assert restores["000000000000000b"] == "-"
    for txid, shown in restores.items():
        code = cli("restore", "-txid", txid, "-o", tmp_path / f"{txid}.db", uncompacted.url).code
        assert code == (4 if shown == "-" else 0), txid
    member = cli("ltx", "-json", uncompacted.url).document["files"][-1]
    assert member["restores"] is None


def test_wal_is_the_old_name_of_ltx(cli: Cli, levels: Case) -> None:
    for words in ([], ["-level", "1"]):
        old, new = cli("wal", *words, levels.url), cli("ltx", *words, levels.url)
        assert old.out == new.out
        assert old.code == 0
        assert "warning: of LTX files `wal` is the old name: use `sqlrecover ltx` instead" in old.err
    document = cli("wal", "-level", "all", "-json", levels.url).document
    assert document["segments"] == []
    assert document["files"] == cli("ltx", "-level", "all", "-json", levels.url).document["files"]


def test_snapshots_are_the_files_that_hold_the_whole_database(cli: Cli, levels: Case) -> None:
    answer = cli("snapshots", levels.url)
    assert [row[0] for row in answer.rows()] == ["9", "9", "9"]
    assert "level 9 files are snapshots: each holds the whole database" in answer.err
    document = cli("snapshots", "-json", levels.url).document
    assert document["snapshots"] == []
    assert {path[:6] for path in _paths(document)} == {"ltx/9/"}


def test_before_the_first_snapshot_whatever_begins_with_txid_1_is_named(cli: Cli, uncompacted: Case) -> None:
    shutil.rmtree(uncompacted.replica / "ltx/9")
    answer = cli("snapshots", uncompacted.url)
    assert [row[:2] for row in answer.rows()] == [[level, "0" * 15 + "1"] for level in "012"]
    assert "begins with TXID 1 holds the whole database" in answer.err


def test_generations_say_that_there_are_none_and_what_there_is(cli: Cli, levels: Case) -> None:
    answer = cli("generations", levels.url, clock=FixedClock(levels.newest + timedelta(hours=2)))
    assert answer.code == 0
    [row] = answer.rows()
    assert row[:3] == ["file", "ltx", "2h0m0s"]
    assert row[3:5] == ["2026-11-22T14:29:30Z", "2026-11-22T14:29:42Z"]
    assert row[5:10] == ["0000000000000004", "0000000000000029", "5", "15", "0"]
    assert "know no generations" in answer.err
    for command in (f"sqlrecover timeline {levels.url}", f"sqlrecover ltx -level all {levels.url}"):
        assert command in answer.err
        assert cli(*command.split()[1:]).code == 0
    document = cli("generations", "-json", levels.url).document
    assert document["generations"] == []
    [member] = document["ltx"]
    assert member["url"] == levels.url
    assert (member["first_txid"], member["last_txid"]) == (row[5], row[6])
    assert member["restore_points"] == 9
    assert [lane["id"] for lane in member["lanes"]] == [f"level {level}" for level in (0, 1, 2, 3, 9)]


@pytest.mark.parametrize("command", ["wal", "snapshots"])
def test_a_generation_of_an_ltx_replica_is_not_found(command: str, cli: Cli, levels: Case) -> None:
    answer = cli(command, "-generation", "0" * 16, levels.url)
    assert answer.code == 3
    assert "LTX files know no generations" in answer.err


@pytest.mark.parametrize(
    ("command", "first", "second"),
    [
        ("wal", "segments", "files"),
        ("snapshots", "snapshots", "files"),
        ("generations", "generations", "ltx"),
    ],
)
def test_a_mixed_replica_shows_both(command: str, first: str, second: str, cli: Cli, mixed: Case) -> None:
    tables = _tables(cli(command, mixed.url))
    document = cli(command, "-json", mixed.url).document
    assert [len(table) - 1 for table in tables] == [len(document[first]), len(document[second])]
    assert all(len(table) > 1 for table in tables)
    if command != "generations":
        generation = mixed.manifest["latest"]["position"]["generation"]
        only = cli(command, "-generation", generation, "-json", mixed.url).document
        assert only[first] == document[first]
        assert second not in only


@pytest.mark.parametrize(
    ("command", "members"),
    [("wal", {"segments"}), ("snapshots", {"snapshots"}), ("generations", {"generations"})],
)
def test_replicas_of_0_3_answer_as_ever(command: str, members: set[str], cli: Cli, old: Case) -> None:
    answer = cli(command, old.url)
    assert (answer.code, answer.err) == (0, "")
    assert len(_tables(answer)) == 1
    assert cli(command, "-json", old.url).document.keys() == {*members, "errors"}


def test_a_replica_without_ltx_files_says_what_it_holds_instead(cli: Cli, old: Case, tmp_path: Path) -> None:
    answer = cli("ltx", old.url)
    assert (answer.code, answer.rows()) == (0, [])
    assert "holds no LTX files but 1 generation" in answer.err
    (tmp_path / "empty").mkdir()
    assert cli("ltx", tmp_path / "empty").err == ""


def test_databases_and_replicas_are_told_apart(
    cli: Cli, levels: Case, uncompacted: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    file = configured(tmp_path / "app.db", near=levels.replica, far=uncompacted.replica)
    rows = cli("ltx", "-config", file, "-level", "9").rows()
    assert [row[:2] for row in rows] == [["near", "9"]] * 3 + [["far", "9"]]
    named = cli("ltx", "-config", file, "-replica", "far", "-level", "9", "app.db").rows()
    assert [row[0] for row in named] == ["9"]
    two = tmp_path / "two.yml"
    two.write_text(
        "dbs:\n"
        f"  - path: /data/a.db\n    replica: {{type: file, path: {levels.replica}}}\n"
        f"  - path: /data/b.db\n    replica: {{type: file, path: {uncompacted.replica}}}\n"
    )
    rows = cli("ltx", "-config", two, "-level", "9").rows()
    assert [row[0] for row in rows] == ["/data/a.db"] * 3 + ["/data/b.db"]


def test_a_replica_that_cannot_be_read_does_not_hide_the_others(
    cli: Cli, levels: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    file = configured(tmp_path / "app.db", gone=tmp_path / "gone", good=levels.replica)
    answer = cli("ltx", "-config", file)
    assert answer.code == 6
    assert [row[0] for row in answer.rows()] == ["good"]
    assert "sqlrecover: app.db gone: " in answer.err
    alone = cli("ltx", "-config", file, "-replica", "gone", "-json")
    assert (alone.code, alone.error["kind"]) == (6, "bucket-not-found")
