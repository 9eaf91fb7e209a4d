"""`sqlrecover diff` and `rescue`: what differs, for people and programs, and only its rows written back."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.promote.conftest import make_database


def script(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(sql)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return make_database(tmp_path / "scratch.db", "old", rows=20)


@pytest.fixture
def production(tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    path = make_database(tmp_path / "srv" / "app.db", "old", rows=20)
    script(
        path,
        "DELETE FROM t WHERE id > 17; UPDATE t SET state = 'bad' WHERE id = 1;"
        "INSERT INTO t VALUES (99, 'n', '')",
    )
    return path


def test_a_difference_is_exit_code_1_and_none_is_0(cli: Cli, scratch: Path, production: Path) -> None:
    answer = cli("diff", scratch, production, "-rows")
    assert answer.code == 1
    assert answer.out.splitlines()[1].split() == ["t", "20", "18", "3", "1", "1"]
    assert "~ t  id=1, state: 'old' → 'bad'" in answer.out
    assert "+ t  id=99" in answer.out
    assert cli("diff", scratch, scratch).code == 0
    document = cli("diff", scratch, production, "--json", "-rows").document
    [table] = document["tables"]
    assert (table["removed"], table["added"], table["changed"]) == (3, 1, 1)
    assert len(table["rows"]) == 5


def test_sql_makes_the_left_what_the_right_is(cli: Cli, scratch: Path, production: Path) -> None:
    answer = cli("diff", scratch, production, "-sql")
    script(scratch, answer.out)
    assert cli("diff", scratch, production).code == 0


def test_csv_has_a_line_for_each_value(cli: Cli, scratch: Path, production: Path) -> None:
    lines = list(csv.reader(io.StringIO(cli("diff", scratch, production, "-csv").out)))
    assert lines[0] == ["table", "change", "key", "column", "left", "right"]
    assert ["t", "~", "1", "state", "old", "bad"] in lines
    assert len(lines) == 1 + 1 + 4 * 3


def test_a_rescue_is_shown_first_and_confirmed_by_the_name(cli: Cli, scratch: Path, production: Path) -> None:
    shown = cli("rescue", scratch, "-to", production)
    assert shown.code == 0
    assert "3 rows" in shown.out
    assert "INSERT INTO" in shown.out
    assert cli("rescue", scratch, "-to", production, "-confirm", "app").code == 7
    done = cli("rescue", scratch, "-to", production, "-update", "-confirm", "app.db", "--json")
    assert done.code == 0
    assert done.document["rows"] == 4
    [table] = cli("diff", scratch, production, "--json").document["tables"]
    assert (table["removed"], table["added"], table["changed"]) == (0, 1, 0)
    [patch] = cli("undo", production, "--json").document["patches"]
    assert patch["file"] == done.document["undo"]
    assert f"sqlite3 {production} < {patch['file']}" in cli("undo", production).out
    script(production, Path(done.document["undo"]).read_text())
    [table] = cli("diff", scratch, production, "--json").document["tables"]
    assert (table["removed"], table["added"], table["changed"]) == (3, 1, 1)


def test_patches_expire_with_the_next_rescue_and_by_hand_but_never_the_last(
    cli: Cli, tmp_path: Path, scratch: Path, production: Path
) -> None:
    config = tmp_path / "app.yml"
    config.write_text(f"dbs: [{{path: {production}, sqlrecover: {{undo-max: 1}}}}]\n")
    rescue = ("rescue", scratch, "-confirm", "app.db", "--json")
    for _ in range(2):
        assert cli(*rescue, "-to", production).code == 0
        script(production, "DELETE FROM t WHERE id > 17 AND id < 99")
    expire = ("undo", production, "-expire", "-max-size", "1")
    assert "0 undo points and 1 patch, " in cli(*expire, "-dry-run").out
    done = cli(*rescue, "-config", config, "-to", "app.db").document
    assert len(done["expired"]) == 2
    [left] = cli("undo", production, "--json").document["patches"]
    assert left["file"] == done["undo"]
    assert "0 undo points, " in cli(*expire).out


def test_what_makes_no_sense_says_so(cli: Cli, scratch: Path, production: Path) -> None:
    for words, code, what in (
        (("diff", scratch, "none.db"), 3, "there is no file none.db"),
        (("diff", scratch, production, "-csv", "-sql"), 2, "exclude one another"),
        (("diff", scratch, production, "-table", "none"), 3, "there is no table 'none'"),
        (("rescue", scratch), 2, "nothing says which database"),
        (("rescue", scratch, "-to", production, "-where", "1"), 2, "exactly one -table"),
        (("rescue", "none.db", "-to", production), 3, "no file and no scratch"),
    ):
        answer = cli(*words)
        assert answer.code == code, answer
        assert what in answer.err


def test_a_comparison_is_kept_in_the_history(cli: Cli, tmp_path: Path) -> None:
    left, right = tmp_path / "left.db", tmp_path / "right.db"
    for path, rows in ((left, 3), (right, 1)):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
            connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(rows)])
            connection.execute("CREATE TABLE same (id)")
            connection.commit()
    cli("diff", left, right)
    [entry] = cli("history", "-json").document["entries"]
    assert (entry["kind"], entry["outcome"], entry["requested"]) == ("diff", "ok", str(left))
    assert entry["output"] == str(right)
    [table] = entry["results"]["tables"]
    assert (table["table"], table["removed"], entry["results"]["same"]) == ("t", 2, False)
