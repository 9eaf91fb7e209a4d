"""`sqlrecover scratch` lists, deletes and expires restored copies, and nothing that is in use."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.restore.work import work_path
from tests.cli.conftest import Answer, Cli
from tests.support.listings import at
from tests.support.scratches import a_scratch

DAY = 86400
NOW = at(10 * DAY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def scratch(cli: Cli, folder: Path, tmp_path: Path) -> Any:
    """Run the command with a configuration whose `sqlrecover:` section is given."""

    def go(*args: str, **keys: str) -> Answer:
        lines = [f"  {name.replace('_', '-')}: {value}" for name, value in keys.items()]
        file = tmp_path / "sqlrecover.yml"
        file.write_text("\n".join(["sqlrecover:", f"  scratch-dir: {folder}", *lines, "dbs: []"]))
        return cli("scratch", "-config", str(file), *args, clock=FixedClock(NOW))

    return go


@pytest.fixture
def three(folder: Path) -> list[Path]:
    """Copies of one database, eight, four and one days old."""
    return [a_scratch(folder, made=at((10 - days) * DAY), kind="full", ok=True) for days in (8, 4, 1)]


def names(paths: list[Path]) -> list[str]:
    return [path.parent.name for path in paths]


def test_the_list_tells_origin_age_size_verdict_and_expiry(scratch: Any, three: list[Path]) -> None:
    answer = scratch(scratch_keep="168h")
    assert answer.code == 0
    old = next(line for line in answer.out.splitlines() if line.startswith(f"{names(three)[0]} "))
    assert "app.db" in old
    assert "s3" in old
    assert "8 d ago" in old
    assert "8 B" in old
    assert "proven, checks passed" in old
    assert "now: older than 7 d" in old
    assert "3 scratch databases, 24 B" in answer.out


def test_the_list_as_json(scratch: Any, three: list[Path], folder: Path) -> None:
    document = scratch("list", "--json").document
    assert (document["folder"], document["bytes"]) == (str(folder), 24)
    assert {item["name"] for item in document["scratches"]} == set(names(three))
    assert {item["verdict"] for item in document["scratches"]} == {"checked"}
    assert {item["url"] for item in document["scratches"]} == {"s3://b/app"}
    assert {item["due"] for item in document["scratches"]} == {None}, "nothing expires unless it is told to"


def test_an_empty_list_says_where_it_looked(scratch: Any, folder: Path) -> None:
    answer = scratch()
    assert answer.code == 0
    assert f"0 scratch databases, 0 B, in {folder}" in answer.out


def test_named_ones_are_deleted_and_no_other(scratch: Any, three: list[Path]) -> None:
    old, middle, new = three
    answer = scratch("delete", old.parent.name, str(new), "--json")
    assert answer.code == 0
    assert {item["name"] for item in answer.document["deleted"]} == {old.parent.name, new.parent.name}
    assert [path.exists() for path in (old, middle, new)] == [False, True, False]


def test_one_unknown_name_keeps_all(scratch: Any, three: list[Path]) -> None:
    answer = scratch("delete", three[0].parent.name, "typo")
    assert answer.code == 3
    assert all(path.exists() for path in three)


def test_what_is_in_use_is_kept_and_told_with_the_code_of_a_refusal(
    scratch: Any, three: list[Path], folder: Path
) -> None:
    old, middle, _ = three
    work = work_path(old)
    work.mkdir(mode=0o700)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = scratch("delete", *names([old, middle]))
    assert answer.code == 7
    assert "open in a restore" in answer.err
    assert (old.exists(), middle.exists()) == (True, False)


@pytest.mark.parametrize(
    ("args", "keys", "left"),
    [
        (("--older-than", "72h"), {}, 1),
        (("--older-than", "168h"), {}, 2),
        (("--max-size", "16B"), {}, 2),
        ((), {"scratch_keep": "168h"}, 2),
        ((), {"scratch_max": "8B"}, 1),
        (("--older-than", "1000h"), {"scratch_keep": "1h"}, 3),
        (("--older-than", "1h", "--dry-run"), {}, 3),
    ],
)
def test_expiry_goes_by_what_is_told_or_configured(
    args: tuple[str, ...], keys: dict[str, str], left: int, scratch: Any, three: list[Path]
) -> None:
    answer = scratch("expire", *args, **keys)
    assert answer.code == 0
    assert sum(path.exists() for path in three) == left
    assert three[-1].exists(), "the newest stays"


def test_a_dry_run_names_what_would_go(scratch: Any, three: list[Path]) -> None:
    answer = scratch("expire", "--older-than", "1h", "--dry-run")
    assert f"would delete  {three[0].parent.name}" in answer.out
    assert "kept: it is the newest of app.db" in answer.err


def test_expiry_without_any_limit_deletes_nothing_and_says_why(scratch: Any, three: list[Path]) -> None:
    answer = scratch("expire")
    assert answer.code == 2
    assert "scratch-keep" in answer.err
    assert all(path.exists() for path in three)


@pytest.mark.parametrize("args", [("list", "x"), ("list", "--older-than", "1h"), ("delete",), ("burn",)])
def test_what_makes_no_sense_is_a_usage_error(args: tuple[str, ...], scratch: Any) -> None:
    assert scratch(*args).code == 2
