"""`check` answers a person with a line per check and a monitor with one line and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Cli
from tests.support.corpus import Case, case

NAMES = ["reachable", "snapshot", "fresh", "coverage", "gaps", "objects", "times"]


@pytest.fixture
def soon(plain: Case) -> FixedClock:
    return FixedClock(plain.newest + timedelta(minutes=10))


def _break(replica: Case) -> None:
    min(replica.replica.glob("generations/*/wal/*_00000000.wal.lz4")).unlink()


def test_a_line_per_check(cli: Cli, plain: Case, soon: FixedClock) -> None:
    answer = cli("check", plain.url, clock=soon)
    assert answer.code == 0
    assert [row[:2] for row in answer.rows()] == [["OK", name] for name in NAMES]


def test_json_says_the_same(cli: Cli, plain: Case, soon: FixedClock) -> None:
    document = cli("check", plain.url, "--json", clock=soon).document
    assert document["status"] == "ok"
    assert [check["name"] for check in document["replicas"][0]["checks"]] == NAMES


def test_nagios_gets_one_line(cli: Cli, plain: Case, soon: FixedClock) -> None:
    answer = cli("check", "-nagios", plain.url, clock=soon)
    assert (answer.code, answer.out) == (0, "SQLRECOVER OK - 1 replica, 7 checks passed\n")


def test_a_warning_exits_1_for_nagios_and_0_otherwise(cli: Cli, plain: Case) -> None:
    late = FixedClock(plain.newest + timedelta(days=3))
    answer = cli("check", "-nagios", plain.url, clock=late)
    assert answer.code == 1
    assert answer.out.startswith("SQLRECOVER WARNING - ")
    person = cli("check", plain.url, clock=late)
    assert person.code == 0
    assert person.rows()[0][:2] == ["WARN", "fresh"]
    assert "hint: " in person.out


def test_missing_history_exits_4_and_is_critical(cli: Cli, plain: Case, soon: FixedClock) -> None:
    _break(plain)
    assert cli("check", plain.url, clock=soon).code == 4
    answer = cli("check", "--nagios", plain.url, clock=soon)
    assert answer.code == 2
    assert answer.out.startswith("SQLRECOVER CRITICAL - ")
    assert len(answer.out.splitlines()) == 1


def test_a_limit_on_the_command_line(cli: Cli, plain: Case, soon: FixedClock) -> None:
    assert cli("check", "-max-behind", "11m", plain.url, clock=soon).code == 0
    assert cli("check", "-max-behind=9m", plain.url, clock=soon).code == 1
    assert cli("check", "-max-behind", "soon", plain.url, clock=soon).code == 2


def test_a_storage_that_does_not_answer_fails_its_replica_only(
    cli: Cli, plain: Case, soon: FixedClock, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    file = configured(tmp_path / "app.db", gone=tmp_path / "gone", good=plain.replica)
    answer = cli("check", "-config", file, clock=soon)
    assert answer.code == 6
    assert answer.out.splitlines()[0] == "app.db gone"
    assert "FAIL  reachable" in answer.out
    assert "OK    fresh" in answer.out
    assert cli("check", "-nagios", "-config", file, clock=soon).code == 2


def test_a_monitor_hears_of_a_broken_configuration_on_stdout(cli: Cli) -> None:
    Path("litestream.yml").write_text("dbz: []\n")
    answer = cli("check", "--nagios")
    assert answer.code == 3
    assert answer.out.startswith("SQLRECOVER UNKNOWN - ")
    assert answer.err == ""


def test_several_targets(cli: Cli, plain: Case, soon: FixedClock, tmp_path: Path) -> None:
    second = case("v03-snapshots", tmp_path)
    document = cli("check", plain.url, second.url, "--json", clock=soon).document
    assert [item["url"] for item in document["replicas"]] == [plain.url, second.url]
