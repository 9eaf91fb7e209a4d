"""Assertions: asked of whatever is restored; verify fails by them, promote is locked by those that fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, Cli
from tests.support.generation_writer import GenerationWriter
from tests.support.shelf import Shelf, at
from tests.support.victims import Victims

ASSERTIONS = """\
    sqlrecover:
      assertions:
        - {sql: SELECT count(*) > 2 FROM t, expect: 1, name: rows are there}
        - {sql: SELECT v FROM t WHERE id = 1, expect: x}
"""


@pytest.fixture
def config(tmp_path: Path, configured: Callable[..., Path]) -> Path:
    (tmp_path / "srv").mkdir()
    shelf = Shelf()
    writer = GenerationWriter(tmp_path / "srv" / "app.db", shelf.take, page_size=512)
    writer.connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    writer.new_generation(at(0))
    for number in range(1, 5):
        writer.connection.execute(f"INSERT INTO t VALUES ({number}, 'x')")
        writer.ship(at(number * 10))
    writer.close()
    file = configured(tmp_path / "srv" / "app.db", near=shelf.write_to(tmp_path / "replica"))
    text = file.read_text().replace("    replicas:", f"{ASSERTIONS}    replicas:")
    file.write_text(f"{text}sqlrecover:\n  scratch-dir: {tmp_path / 'scratches'}\n")
    return file


def restored(cli: Cli, config: Path, out: Path, second: int) -> Answer:
    return cli(
        "restore",
        "--config",
        config,
        "-timestamp",
        f"2026-03-26T10:00:{second}Z",
        "-o",
        out,
        "app.db",
        "--json",
    )


def test_a_restore_reports_them_and_the_history_keeps_them(cli: Cli, config: Path, tmp_path: Path) -> None:
    good = restored(cli, config, tmp_path / "good.db", 40)
    assert [each["ok"] for each in good.document["assertions"]] == [True, True]
    early = restored(cli, config, tmp_path / "early.db", 20)
    assert early.code == 0
    failing, holding = early.document["assertions"]
    assert (failing["name"], failing["answer"], failing["ok"]) == ("rows are there", "0", False)
    assert (holding["name"], holding["ok"]) == ("SELECT v FROM t WHERE id = 1", True)
    [newest, *_] = cli("history", "--json").document["entries"]
    assert newest["results"]["assertions"] == early.document["assertions"]


def test_verify_fails_by_them(cli: Cli, config: Path, tmp_path: Path) -> None:
    assert cli("verify", "--config", config, "--full", "app.db").code == 0
    answer = cli("verify", "--config", config, "--full", "-assert", "SELECT max(id) FROM t=9", "app.db")
    assert answer.code == 5
    assert "FAILS  SELECT max(id) FROM t: 4, expected 9" in answer.out
    file = tmp_path / "early.db"
    restored(cli, config, file, 20)
    assert cli("verify", file, "-assert", "SELECT v FROM t=x").code == 0
    assert cli("verify", file, "-assert", "SELECT v FROM missing=x").code == 5
    assert cli("verify", "--config", config, "-assert", "SELECT 1=1", "app.db").code == 2


def test_promote_is_locked_until_each_is_overruled_by_name(cli: Cli, config: Path, tmp_path: Path) -> None:
    file, live = tmp_path / "early.db", tmp_path / "srv" / "app.db"
    restored(cli, config, file, 20)
    before = live.read_bytes()
    words = ("promote", "--config", config, file, "-to", "app.db")
    plan = cli(*words)
    assert plan.code == 0
    assert "FAILS: rows are there: 0, expected 1" in plan.out
    assert "-overrule 'rows are there'" in plan.err
    refused = cli(*words, "-confirm", "app.db")
    assert (refused.code, live.read_bytes()) == (7, before)
    assert "locked: “rows are there” does not hold" in refused.err
    assert cli(*words, "-confirm", "app.db", "-overrule", "something").code == 2
    done = cli(*words, "-confirm", "app.db", "-overrule", "rows are there", "--json")
    assert done.code == 0, done.err
    assert cli("query", live, "SELECT count(*) AS n FROM t", "--json").document["rows"] == [[2]]
    [newest, *_] = cli("history", "--json").document["entries"]
    assert newest["results"]["overruled"] == ["rows are there"]


def test_two_of_one_name_are_a_fault_of_the_file(cli: Cli, config: Path) -> None:
    config.write_text(config.read_text().replace("expect: x}", "expect: x, name: rows are there}"))
    line = next(n for n, text in enumerate(config.read_text().splitlines(), 1) if "expect: x" in text)
    answer = cli("timeline", "--config", config, "app.db")
    assert answer.code == 2
    assert f"configured.yml:{line}: " in answer.err
    assert "the name of another assertion" in answer.err


def test_a_restore_over_production_is_locked_as_a_promote_is(cli: Cli, config: Path, tmp_path: Path) -> None:
    live = tmp_path / "srv" / "app.db"
    before = live.read_bytes()
    words = ("restore", "--config", config, "-force", "-o", live)
    refused = cli(*words, "-timestamp", "2026-03-26T10:00:20Z", "app.db")
    assert (refused.code, live.read_bytes()) == (7, before)
    assert "“rows are there” does not hold in what was restored (0, expected 1)" in refused.err
    assert "promote that, which can overrule an assertion by its name" in refused.err
    assert sorted(live.parent.iterdir()) == [live], "and nothing is left of it"
    by_url = cli(*words, "-timestamp", "2026-03-26T10:00:20Z", (tmp_path / "replica").as_uri())
    assert (by_url.code, live.read_bytes()) == (7, before)
    assert cli(*words, "-timestamp", "2026-03-26T10:00:40Z", "app.db").code == 0


def test_so_is_one_that_was_interrupted(cli: Cli, config: Path, mortal: Victims, tmp_path: Path) -> None:
    live = tmp_path / "srv" / "app.db"
    url = (tmp_path / "replica").as_uri()
    assert mortal.run(url, str(live), "writing to disk", 0, True) == "killed"
    config.write_text(config.read_text().replace("expect: x}", "expect: y}"))
    before = live.read_bytes()
    refused = cli("resume", "--config", config, live)
    assert (refused.code, live.read_bytes()) == (7, before)
    assert "does not hold in what was restored (x, expected y)" in refused.err
