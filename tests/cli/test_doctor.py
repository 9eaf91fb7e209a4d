"""`doctor` says of databases, storage, configuration and recovery what would go wrong, the worst first."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Cli
from tests.support.corpus import Case, case


@pytest.fixture
def plain(tmp_path: Path) -> Case:
    return case("v03-plain", tmp_path)


@pytest.fixture
def soon(plain: Case) -> FixedClock:
    return FixedClock(plain.newest + timedelta(minutes=10))


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("CREATE TABLE t(a)")
    return path


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_everything_of_a_configuration(
    cli: Cli, plain: Case, app: Path, soon: FixedClock, configured: Callable[..., Path]
) -> None:
    file, before = configured(app, near=plain.replica), _files(plain.replica)
    os.utime(app, (plain.newest.timestamp(), plain.newest.timestamp()))
    answer = cli("doctor", "-config", file, "--json", clock=soon)
    assert answer.code == 0
    subjects = answer.document["subjects"]
    assert [item["subject"] for item in subjects] == ["configuration", "database", "replica"]
    assert subjects[2]["url"] == plain.url
    named = {check["name"]: check for item in subjects for check in item["checks"]}
    assert {"keys", "journal mode", "put", "proven", "restore time", "cost"} <= set(named)
    assert named["write rate"]["status"] == "ok"
    assert answer.document["status"] == "warn"
    assert soon.slept == [2.0], "the databases are watched"
    assert _files(plain.replica) == before, "probes are gone again"
    assert cli("doctor", "-config", file, "-all", "-watch=0s", clock=soon).code == 0


def test_a_file_alone(cli: Cli, app: Path, soon: FixedClock) -> None:
    answer = cli("doctor", "-watch", "0s", app, clock=soon)
    assert answer.code == 0
    assert answer.out.splitlines()[0] == f"database {app}"
    assert "WARN  integrity" in answer.out
    assert "write rate" not in answer.out
    assert "replica" not in answer.out.splitlines()[0]


def test_a_check_of_the_file_is_remembered(cli: Cli, app: Path) -> None:
    assert cli("verify", app).code == 0
    answer = cli("doctor", "--watch=0s", app)
    assert "OK    integrity" in answer.out
    assert "last found sound" in answer.out


def test_a_proof_of_the_replica_is_remembered(cli: Cli, plain: Case, soon: FixedClock) -> None:
    assert cli("verify", plain.url, clock=soon).code == 0
    answer = cli("doctor", "--no-writes", plain.url, clock=soon)
    assert "OK    proven" in answer.out
    assert "by reading every object" in answer.out


def test_a_warning_of_the_configuration_is_a_check_and_said_once(
    cli: Cli, plain: Case, app: Path, soon: FixedClock, configured: Callable[..., Path]
) -> None:
    file = configured(app, near=plain.replica)
    file.write_text(f"{file.read_text()}mcp-addr: x\n")
    for targets, where in (([], "out"), ([app], "out"), ([plain.url], "err")):
        answer = cli("doctor", "-watch", "0s", "-config", file, *targets, clock=soon)
        told = {"out": answer.out, "err": answer.err}
        assert [name for name, text in told.items() if "mcp-addr" in text] == [where]
        assert told[where].count("mcp-addr") == 1


def test_a_name_of_the_configuration(
    cli: Cli, plain: Case, app: Path, soon: FixedClock, configured: Callable[..., Path]
) -> None:
    file = configured(app, near=plain.replica)
    for wanted in ("app.db", app):
        document = cli("doctor", "-config", file, "--json", wanted, clock=soon).document
        assert [item["subject"] for item in document["subjects"]] == ["configuration", "database", "replica"]


def test_a_budget_that_is_not_kept_fails(cli: Cli, plain: Case, soon: FixedClock) -> None:
    assert cli("doctor", "-budget", "5m", plain.url, clock=soon).code == 0
    answer = cli("doctor", "-budget", "1ms", plain.url, clock=soon)
    assert answer.code == 1
    assert answer.rows()[0][:3] == ["FAIL", "restore", "time"]


def test_missing_history_exits_4_and_a_place_that_is_not_there_6(
    cli: Cli, plain: Case, soon: FixedClock, tmp_path: Path
) -> None:
    min(plain.replica.glob("generations/*/wal/*_00000000.wal.lz4")).unlink()
    assert cli("doctor", plain.url, clock=soon).code == 4
    gone = cli("doctor", (tmp_path / "gone").as_uri(), clock=soon)
    assert gone.code == 6
    assert gone.out.count("FAIL") == 1


def test_a_folder_that_cannot_be_written_to_exits_6(
    cli: Cli, plain: Case, soon: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlite_recovery_tui.storage import files

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    answer = cli("doctor", plain.url, clock=soon)
    assert answer.code == 6
    assert answer.rows()[0][:2] == ["FAIL", "put"]
    assert cli("doctor", "--no-writes", plain.url, clock=soon).code == 0


def test_a_monitor_gets_one_line(cli: Cli, plain: Case, soon: FixedClock, tmp_path: Path) -> None:
    warned = cli("doctor", "--nagios", plain.url, clock=soon)
    assert (warned.code, len(warned.out.splitlines())) == (1, 1)
    assert warned.out.startswith("SQLRECOVER WARNING - ")
    assert cli("verify", plain.url, clock=soon).code == 0
    good = cli("doctor", "--nagios", plain.url, clock=soon)
    assert good.code == 0
    assert good.out.startswith("SQLRECOVER OK - 1 subject, ")
    broken = cli("doctor", "--nagios", tmp_path / "no.db", clock=soon)
    assert (broken.code, broken.out[:20]) == (3, "SQLRECOVER UNKNOWN -")


def test_what_cannot_be_meant_is_refused(cli: Cli, app: Path) -> None:
    assert cli("doctor", "--all", app).code == 2
    assert cli("doctor", "--watch", "1h", app).code == 2
    assert cli("doctor").code == 2, "there is no configuration"
