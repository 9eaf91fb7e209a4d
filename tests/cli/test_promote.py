"""`sqlrecover promote` and `undo`: planned first, confirmed by the name, recorded, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.promote.conftest import make_database, state_of


@pytest.fixture
def production(tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    return make_database(tmp_path / "srv" / "app.db", "old")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return make_database(tmp_path / "restored.db", "new", rows=400)


def test_without_a_confirmation_the_plan_is_shown_and_nothing_done(
    cli: Cli, production: Path, scratch: Path
) -> None:
    for more in ((), ("-plan",)):
        answer = cli("promote", scratch, "-to", production, *more)
        assert answer.code == 0
        assert "online: one transaction" in answer.out
        assert "+100" in answer.out
        assert "-confirm app.db" in answer.out
    document = cli("promote", scratch, "-to", production, "--json").document
    assert document["promoted"] is False
    assert document["tables"] == [{"table": "t", "live_rows": 300, "new_rows": 400, "difference": 100}]
    assert state_of(production) == ("old", 300)


def test_confirmed_it_is_done_recorded_and_taken_back(cli: Cli, production: Path, scratch: Path) -> None:
    answer = cli("promote", scratch, "-to", production, "-confirm", "app.db")
    assert answer.code == 0
    assert "every page is that of the promoted file" in answer.out
    assert state_of(production) == ("new", 400)

    listed = cli("undo", production)
    assert listed.code == 0
    assert "nothing was changed" in listed.out
    [point] = cli("undo", production, "--json").document["points"]
    back = cli("undo", production, point["name"], "-confirm", "app.db", "--json")
    assert back.code == 0
    assert back.document["verdict"] == "identical"
    assert state_of(production) == ("old", 300)

    entries = cli("history", "--json").document["entries"]
    assert [(entry["kind"], entry["outcome"]) for entry in entries] == [("undo", "ok"), ("promote", "ok")]
    assert entries[1]["results"]["rows_won"] == 100


@pytest.mark.parametrize("typed", ["app", "", "other.db"])
def test_another_name_is_refused(typed: str, cli: Cli, production: Path, scratch: Path) -> None:
    assert cli("promote", scratch, "-to", production, "-confirm", typed).code == 7
    assert state_of(production) == ("old", 300)
    cli("promote", scratch, "-to", production, "-confirm", "app.db")
    assert cli("undo", production, "-confirm", typed).code == 7
    assert state_of(production) == ("new", 400)


def test_what_cannot_be_done_says_so_in_one_line(
    cli: Cli, tmp_path: Path, production: Path, scratch: Path
) -> None:
    for words, code, what in (
        (("promote", tmp_path / "none.db", "-to", production), 3, "there is no file and no scratch"),
        (("promote", scratch), 2, "nothing says which database"),
        (("promote", scratch, "-to", production, "-mode", "fast"), 2, "there is no mode 'fast'"),
        (("promote", scratch, "-to", production, "-plan", "-confirm", "app.db"), 2, "exclude one another"),
        (("undo", production, "-confirm", "app.db"), 3, "there is no undo point"),
        (("undo", production, "-older-than", "1h"), 2, "go with -expire"),
        (("undo", production, "-expire"), 2, "nothing says which undo points go"),
    ):
        answer = cli(*words)
        assert answer.code == code, answer
        assert what in answer.err
        assert "Traceback" not in answer.err


def test_undo_points_expire_but_never_the_newest(cli: Cli, production: Path, scratch: Path) -> None:
    for _ in range(3):
        assert cli("promote", scratch, "-to", production, "-confirm", "app.db").code == 0
    assert "2 undo points" in cli("undo", production, "-expire", "-max-size", "1", "-dry-run").out
    assert len(cli("undo", production, "--json").document["points"]) == 3
    assert "2 undo points" in cli("undo", production, "-expire", "-max-size", "1").out
    assert len(cli("undo", production, "--json").document["points"]) == 1


def test_what_the_configuration_says_expires_after_each_promote_and_undo(
    cli: Cli, tmp_path: Path, production: Path, scratch: Path
) -> None:
    config = tmp_path / "app.yml"
    config.write_text(
        f"sqlrecover: {{undo-keep: 720h}}\ndbs: [{{path: {production}, sqlrecover: {{undo-max: 1}}}}]\n"
    )
    for _ in range(2):
        assert cli("promote", scratch, "-to", production, "-confirm", "app.db").code == 0
    assert len(cli("undo", production, "--json").document["points"]) == 2
    named = ("-config", config)
    would = cli("undo", *named, "app.db", "-expire", "-dry-run", "--json").document
    assert len(would["deleted"]) == 1
    done = cli("promote", *named, scratch, "-to", "app.db", "-confirm", "app.db", "--json").document
    assert done["verdict"] == "identical"
    assert len(done["expired"]) == 2
    (left,) = cli("undo", production, "--json").document["points"]
    assert left["folder"] == done["undo"], "the newest stays"
    back = cli("undo", *named, "app.db", "-confirm", "app.db")
    assert f"expired {left['name']}" in " ".join(back.out.split())
    assert cli("undo", *named, "app.db", "-expire").code == 0
    Path("sqlrecover.yml").write_text("dbs: 5\n")
    answer = cli("undo", production, "-confirm", "app.db")
    assert (answer.code, state_of(production)) == (0, ("new", 400)), answer.err
    assert "no undo point expires" in answer.err


def test_a_scratch_goes_to_the_database_it_is_a_copy_of(
    cli: Cli, tmp_path: Path, production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    folder = tmp_path / "scratch" / "app-20260326T140000"
    folder.mkdir(parents=True)
    make_database(folder / "app.db", "new")
    (folder / "manifest.json").write_text(json.dumps({"output": "app.db", "database": "app.db"}))
    config = tmp_path / "sqlrecover.yml"
    config.write_text(
        f"sqlrecover:\n  scratch-dir: {tmp_path / 'scratch'}\n"
        f"dbs:\n  - path: {production}\n    replica:\n      path: {tmp_path / 'replica'}\n"
    )
    answer = cli("promote", "-config", config, folder.name, "-confirm", "app.db")
    assert answer.code == 0, answer
    assert state_of(production) == ("new", 300)
