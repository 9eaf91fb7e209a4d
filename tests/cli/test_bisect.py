"""`sqlrecover bisect`: what changed, for people and programs, and how to go back to before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.generation_writer import GenerationWriter
from tests.support.shelf import Shelf, at


@pytest.fixture
def config(tmp_path: Path, configured: Callable[..., Path]) -> Path:
    (tmp_path / "srv").mkdir()
    shelf = Shelf()
    writer = GenerationWriter(tmp_path / "srv" / "app.db", shelf.take, page_size=512)
    writer.connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    writer.new_generation(at(0))
    for number in range(1, 9):
        writer.connection.execute("DELETE FROM t" if number == 6 else f"INSERT INTO t VALUES ({number}, 'x')")
        writer.ship(at(number * 10))
    writer.close()
    file = configured(tmp_path / "srv" / "app.db", near=shelf.write_to(tmp_path / "replica"))
    file.write_text(file.read_text() + f"sqlrecover:\n  scratch-dir: {tmp_path / 'scratches'}\n")
    return file


def test_the_change_and_the_way_back(cli: Cli, config: Path, tmp_path: Path) -> None:
    words = (
        "bisect",
        "--config",
        config,
        "--from",
        "2026-03-26T10:00:40Z",
        "--sql",
        "SELECT count(*) > 2 FROM t",
    )
    answer = cli(*words, "app.db")
    assert answer.code == 0, answer.err
    assert "table t: 5 removed" in answer.out
    assert "2026-03-26 10:01:00Z" in answer.out
    [back] = [line for line in answer.out.splitlines() if line.startswith("the state in front")]
    restored = cli(
        *back.partition("sqlrecover ")[2].replace("FILE", str(tmp_path / "back.db")).split(),
        "--config",
        config,
    )
    assert restored.code == 0, restored.err
    assert cli("query", tmp_path / "back.db", "SELECT count(*) AS n FROM t", "--json").document["rows"] == [
        [5]
    ]
    assert not list((tmp_path / "scratches").iterdir())
    document = cli(*words, "app.db", "--json", "--keep").document
    assert (document["before"]["answer"], document["after"]["answer"]) == ("1", "0")
    assert len(document["changes"]["rows"]) == 5
    kept = cli("query", document["scratch"], "SELECT count(*) AS n FROM t", "--json")
    assert kept.document["rows"] == [[5]]
    [act, *_] = cli("history", "--json").document["entries"]
    assert (act["kind"], act["outcome"], act["results"]["after"]) == ("bisect", "ok", "0")


def test_no_difference_is_exit_code_3(cli: Cli, config: Path) -> None:
    answer = cli("bisect", "--config", config, "--sql", "SELECT 1", "app.db")
    assert (answer.code, answer.out) == (3, "")
    assert "does not differ" in answer.err


def test_a_scratch_is_moved_from_commit_to_commit(cli: Cli, config: Path) -> None:
    words = ("bisect", "--config", config, "--from", "2026-03-26T10:00:40Z", "--keep", "--json")
    kept = cli(*words, "--sql", "SELECT count(*) > 2 FROM t", "app.db").document["scratch"]

    def rows() -> int:
        found: int = cli("query", kept, "SELECT count(*) AS n FROM t", "--json").document["rows"][0][0]
        return found

    move = ("scratch", "move", "--config", config, kept)
    assert rows() == 5
    there = cli(*move, "-by", "1")
    assert (there.code, rows()) == (0, 0), there.err
    assert "1 page written" in there.out or "pages written" in there.out
    assert (cli(*move, "-by", "-3").code, rows()) == (0, 3)
    to = cli(*move, "-timestamp", "2026-03-26T10:01:20Z", "--json").document
    assert (to["restored_anew"], to["time"], rows()) == (None, "2026-03-26T10:01:20Z", 2)
    assert cli(*move, "-by", "5").code == 3
    assert rows() == 2
    acts = cli("history", "--json").document["entries"]
    moves = [each["outcome"] for each in acts if each["kind"] == "scratch-move"]
    assert moves == ["failed", "ok", "ok", "ok"]
    assert cli(*move).code == 2
    assert cli("scratch", "list", "--config", config, "-by", "1").code == 2
