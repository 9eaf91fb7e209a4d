"""`sqlrecover resume` goes on with a restore that `kill -9` ended, or deletes what it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlite_recovery_tui.restore.unfinished import find
from sqlite_recovery_tui.restore.work import WorkDir
from tests.cli.conftest import Cli
from tests.support.generation_writer import GenerationWriter
from tests.support.listings import at
from tests.support.victims import Victims

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def truth(tmp_path: Path) -> bytes:
    """Write a small replica, and return the database that it leads to."""
    folder = tmp_path / "source"
    folder.mkdir()
    with GenerationWriter(folder / "app.db", folder / "replica", keep_states=False) as writer:
        writer.connection.execute("CREATE TABLE t(body)")
        writer.new_generation(at(0))
        writer.connection.execute("INSERT INTO t VALUES ('rescued')")
        writer.ship(at(1))
        writer.checkpoint("TRUNCATE")
        return (folder / "app.db").read_bytes()


@pytest.fixture
def output(mortal: Victims, tmp_path: Path, truth: bytes) -> Path:
    """Where a restore was to write to that a real `kill -9` ended."""
    assert truth
    output = tmp_path / "out" / "app.db"
    output.parent.mkdir()
    url = (tmp_path / "source" / "replica").as_uri()
    assert mortal.run(url, str(output), "writing to disk", 0) == "killed"
    return output


def test_it_is_listed_with_how_far_it_was(cli: Cli, output: Path) -> None:
    answer = cli("resume")
    assert answer.code == 0
    assert str(output) in answer.out
    assert "% of" in answer.out
    assert "1 interrupted restore" in answer.out
    (item,) = cli("resume", "--json").document["unfinished"]
    assert (item["output"], item["scratch"]) == (str(output), False)


def test_it_is_finished_and_no_longer_listed(cli: Cli, output: Path, truth: bytes) -> None:
    answer = cli("resume", output, "--json")
    assert answer.code == 0
    assert answer.document["output"] == str(output)
    assert output.read_bytes() == truth
    assert cli("resume", "--json").document == {"unfinished": []}


def test_it_is_discarded(cli: Cli, output: Path) -> None:
    assert cli("resume", output, "--discard").code == 0
    assert list(output.parent.iterdir()) == []
    assert find() == []
    assert cli("resume", output).code == 3


def test_one_that_runs_is_neither_listed_nor_touched(cli: Cli, output: Path) -> None:
    runs = WorkDir(output)
    assert cli("resume", output, "--discard").code == 3
    runs.close()
    assert len(find()) == 1


def test_discarding_nothing_in_particular_is_a_usage_error(cli: Cli) -> None:
    assert cli("resume", "--discard").code == 2
