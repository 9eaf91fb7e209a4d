"""`preview` shows tables and rows of a moment, fetches little, restores nothing, and says when it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.demo.levels import LevelWriter
from tests.cli.conftest import Cli
from tests.support.generation_writer import GenerationWriter

START = datetime(2026, 3, 26, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One table with a row more in every second, one that is large, a view."""
    folder = tmp_path_factory.mktemp("preview")
    with LevelWriter(folder / "app.db", folder / "replica") as writer:
        sql = writer.connection
        sql.execute("CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT, raw BLOB)")
        sql.execute("CREATE TABLE large(text); CREATE VIEW short AS SELECT word FROM words")
        for _ in range(400):
            sql.execute("INSERT INTO large VALUES (hex(randomblob(2000)))")
        for number in range(1, 6):
            sql.execute("INSERT INTO words(word, raw) VALUES (?, x'00ff')", (f"word {number}",))
            writer.sync(START + timedelta(seconds=number))
    return folder / "replica"


def test_it_lists_the_tables_and_what_it_cost(cli: Cli, replica: Path) -> None:
    answer = cli("preview", replica)
    assert answer.code == 0
    assert "nothing was restored" in answer.out
    assert "words" in answer.out
    assert "id, word, raw" in answer.out
    assert "were fetched" in answer.out


def test_rows_are_those_of_the_moment(cli: Cli, replica: Path) -> None:
    moment = (START + timedelta(seconds=3)).isoformat()
    document = cli("preview", "-timestamp", moment, "-table", "words", "--json", replica).document
    assert [row[1] for row in document["rows"]] == ["word 1", "word 2"]
    assert document["position"] == {"txid": f"{2:016x}"}
    assert document["rows"][0][2] == {"blob": "00ff", "size": 2, "truncated": False}
    assert document["has_more"] is False
    assert document["bytes_fetched"] < document["size"] / 4


def test_a_txid_names_the_state_too(cli: Cli, replica: Path) -> None:
    document = cli("preview", "-txid", f"{4:016x}", "-table", "words", "--json", replica).document
    assert len(document["rows"]) == 4


def test_rows_can_be_left_out_and_counted(cli: Cli, replica: Path) -> None:
    answer = cli("preview", "-table", "words", "-skip", "1", "-rows", "2", replica)
    assert "word 2" in answer.out
    assert "word 1" not in answer.out
    assert "2 rows from row 2 on; there are more" in answer.out


def test_queries_only_read(cli: Cli, replica: Path) -> None:
    assert "5" in cli("preview", "-sql", "SELECT count(*) AS rows FROM words", replica).out
    refused = cli("preview", "-sql", "DELETE FROM words", replica)
    assert refused.code != 0
    assert "Traceback" not in refused.err


def test_an_unknown_table_is_answered_with_those_there_are(cli: Cli, replica: Path) -> None:
    answer = cli("preview", "-table", "wrods", replica)
    assert answer.code == 3
    assert "words" in answer.err


def test_two_wishes_at_once_are_refused(cli: Cli, replica: Path) -> None:
    assert cli("preview", "-table", "words", "-sql", "SELECT 1", replica).code == 2
    assert cli("preview", "-timestamp", "10:00", "-txid", "1", replica).code == 2


def test_a_v03_replica_says_what_to_do(cli: Cli, tmp_path: Path) -> None:
    with GenerationWriter(tmp_path / "app.db", tmp_path / "replica") as writer:
        writer.connection.execute("CREATE TABLE t(word TEXT)")
        writer.new_generation(START)
    answer = cli("preview", tmp_path / "replica")
    assert answer.code == 7
    assert "restore the point" in answer.err


def test_nothing_is_left_where_it_was_called(cli: Cli, replica: Path) -> None:
    before = sorted(Path.cwd().iterdir())
    assert cli("preview", "-table", "large", replica).code == 0
    assert sorted(Path.cwd().iterdir()) == before
