"""`verify` proves replicas and files, and its exit code tells damage of one from damage of the other."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.corpus import Case, case, cases


def _database(file: Path, script: str = "CREATE TABLE t(x); INSERT INTO t VALUES (1);") -> Path:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
    return file


def _spoil(file: Path, offset: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(offset)
        byte = opened.read(1)
        opened.seek(offset)
        opened.write(bytes([byte[0] ^ 0xFF]))


@pytest.mark.parametrize("name", cases("v03"))
def test_real_replicas_hold(name: str, cli: Cli, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    answer = cli("verify", replica.url)
    assert answer.code == 0, answer
    [document] = cli("verify", "-json", replica.url).document["replicas"]
    assert document["verdict"] in ("proven", "consistent")
    assert document["objects"] >= len(replica.manifest["objects"])
    assert document["drill"] is None


def test_a_flipped_bit_is_damage_with_the_object_and_the_points_around_it(cli: Cli, plain: Case) -> None:
    segments = sorted(plain.replica.glob("generations/*/wal/*.lz4"))
    victim = segments[len(segments) // 2]
    _spoil(victim, victim.stat().st_size // 2)
    answer = cli("verify", plain.url)
    assert answer.code == 4
    assert victim.name in answer.out
    assert "last good point:" in answer.out
    [document] = cli("verify", plain.url, "--json").document["replicas"]
    [fault] = document["generations"][0]["faults"]
    assert fault["object"].endswith(victim.name)
    assert fault["last_good"] is not None


def test_a_drill_restores_checks_and_leaves_only_its_record(
    cli: Cli, plain: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    answer = cli("verify", "-full", plain.url)
    assert answer.code == 0
    assert "restore drill: the state of" in answer.out
    assert "integrity: ok (full ok, foreign-keys ok)" in answer.out
    [document] = cli("verify", "-full", plain.url, "--json").document["replicas"]
    assert document["drill"]["integrity"]["ok"] is True
    assert document["drill"]["position"] == plain.manifest["latest"]["position"]
    left = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["history.db"]


def test_a_drill_that_cannot_restore_is_told_beside_the_proof(cli: Cli, plain: Case) -> None:
    newest = max(plain.replica.glob("generations/*/wal/*.lz4"))
    _spoil(newest, newest.stat().st_size // 2)
    answer = cli("verify", "-full", plain.url)
    assert answer.code == 4
    assert "restore drill failed: " in answer.out


def test_a_sound_file_is_ok_and_a_damaged_one_exits_5(cli: Cli, tmp_path: Path) -> None:
    script = "CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(100000)); CREATE INDEX i ON t(x);"
    file = _database(tmp_path / "a.db", script)
    answer = cli("verify", file)
    assert answer.code == 0
    assert answer.out.startswith("ok")
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * 4096)
    answer = cli("verify", file)
    assert answer.code == 5
    assert answer.out.startswith("damaged")
    document = cli("verify", file, "--json").document
    assert document["file"] == str(file)
    assert document["integrity"]["verdict"] == "damaged"
    assert document["integrity"]["messages"]


def test_a_broken_foreign_key_is_found(cli: Cli, tmp_path: Path) -> None:
    script = (
        "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(a REFERENCES a); INSERT INTO b VALUES (7);"
    )
    answer = cli("verify", _database(tmp_path / "a.db", script))
    assert answer.code == 5
    assert "foreign-keys damaged" in answer.out


def test_what_is_no_database_is_a_verdict_not_a_crash(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("not a database, but long enough to look at " * 50)
    answer = cli("verify", tmp_path / "note.txt")
    assert answer.code == 5
    assert "Traceback" not in answer.err


def test_hostile_names_in_a_database_never_reach_the_terminal(cli: Cli, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\u202e"
    script = f'CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE "{evil}"(a REFERENCES a);'
    script += f'INSERT INTO "{evil}" VALUES (7);'
    file = tmp_path / f"{evil}.db"
    _database(tmp_path / "plain.db", script).rename(file)
    answer = cli("verify", file)
    assert answer.code == 5
    for char in evil.replace("]0;owned", ""):
        assert char not in answer.out + answer.err
    assert "\\x1b]0;owned" in answer.out


def test_a_configured_database_means_its_replicas(
    cli: Cli, plain: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    database = _database(tmp_path / "app.db")
    other = _database(tmp_path / "other.db")
    file = configured(database, near=plain.replica)
    assert "replicas" in cli("verify", "-config", file, database, "--json").document
    assert "file" in cli("verify", "-config", file, other, "--json").document


def test_a_broken_configuration_nearby_does_not_stop_a_look_at_a_file(cli: Cli, tmp_path: Path) -> None:
    Path("litestream.yml").write_text("dbs: [\n")
    answer = cli("verify", _database(tmp_path / "a.db"))
    assert answer.code == 0
    assert "is taken for a file" in answer.err


def test_all_goes_on_behind_a_replica_that_fails(
    cli: Cli, plain: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    file = configured(tmp_path / "app.db", gone=tmp_path / "gone", good=plain.replica)
    answer = cli("verify", "--all", "-config", file)
    assert answer.code == 6
    assert "app.db gone: " in answer.err
    assert "app.db good" in answer.out
    shutil.copytree(plain.replica, tmp_path / "bad")
    victim = min((tmp_path / "bad").glob("generations/*/wal/*.lz4"))
    victim.unlink()
    file = configured(tmp_path / "app.db", gone=tmp_path / "gone", good=plain.replica, bad=tmp_path / "bad")
    assert cli("verify", "-all", "-config", file).code == 4


@pytest.mark.parametrize("words", [(), ("--all", "app.db")])
def test_it_needs_to_know_what(words: tuple[str, ...], cli: Cli) -> None:
    assert cli("verify", *words).code == 2


def test_nothing_there_is_not_a_proof(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert cli("verify", tmp_path / "empty").code == 3
    assert cli("verify", tmp_path / "no-such-file").code in (2, 3)
