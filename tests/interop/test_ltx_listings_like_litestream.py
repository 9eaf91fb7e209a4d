"""`ltx` lists the files of each level as Litestream 0.5.17 does, value for value, from files and from S3."""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sqlite_recovery_tui.cli.main import run
from tests.support import ltx_oracle as oracle
from tests.support.corpus import case, cases
from tests.support.litestream import litestream
from tests.support.ltx_cli import sqlrecover
from tests.support.ltx_objects import put_replica
from tests.support.servers import moto_s3

COLUMNS = ("level", "min_txid", "max_txid", "size", "created")
LEVELS: list[list[str]] = [
    [],
    ["-level", "0"],
    ["-level", "1"],
    ["-level", "9"],
    ["-level", "8"],
    ["-level", "all"],
]


def _rows(text: str) -> list[tuple[str, ...]]:
    """Return Litestream's columns of a table, whatever stands between them."""
    head, *lines = (line.split() for line in text.splitlines())
    return sorted(tuple(line[head.index(name)] for name in COLUMNS) for line in lines)


def _theirs(words: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
    done = subprocess.run(
        [litestream("0.5.17"), *words],
        env={"HOME": "/nonexistent", **(environ or {})},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return _rows(done.stdout)


def _ours(words: Sequence[str]) -> list[tuple[str, ...]]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(list(words)) == 0
    return _rows(out.getvalue())


@pytest.mark.parametrize("level", LEVELS, ids="".join)
@pytest.mark.parametrize("name", cases("v05"))
def test_a_url_lists_the_same(level: list[str], name: str, tmp_path: Path) -> None:
    words = ["ltx", *level, case(name, tmp_path).url]
    assert _ours(words) == _theirs(words)


def test_a_configured_database_lists_the_same(tmp_path: Path) -> None:
    config, database = tmp_path / "litestream.yml", tmp_path / "app.db"
    replica = case("v05-levels", tmp_path).replica
    config.write_text(f"dbs:\n  - path: {database}\n    replica:\n      path: {replica}\n")
    words = ["ltx", "-config", str(config), "-level", "all", str(database)]
    rows = _ours(words)
    assert rows == _theirs(words)
    assert len(rows) == len(oracle.stored(replica))


def test_objects_list_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_s3(whole_seconds=True) as server:
        server.make_bucket("bucket")
        put_replica(server, "bucket", "app", case("v05-levels", tmp_path).replica)
        for variable, value in server.environ.items():
            monkeypatch.setenv(variable, value)
        where = f"s3://bucket/app?endpoint={server.endpoint}&region={server.region}&forcePathStyle=true"
        words = ["ltx", "-level", "all", where]
        assert _ours(words) == _theirs(words, server.environ)


def test_the_document_has_the_exact_times(tmp_path: Path) -> None:
    replica = case("v05-levels", tmp_path)
    answer = sqlrecover("ltx", "-level", "all", replica.url)
    assert answer.code == 0
    (rows,) = (value for name, value in answer.document.items() if name != "errors")
    assert sorted(
        (row["level"], row["min_txid"], row["max_txid"], row["size"], row["created"]) for row in rows
    ) == [
        (
            each.level,
            f"{each.min_txid:016x}",
            f"{each.max_txid:016x}",
            each.path.stat().st_size,
            each.time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        )
        for each in oracle.stored(replica.replica)
    ]


@pytest.mark.parametrize("level", ["10", "-1", "one"])
def test_other_levels_are_wrong_usage(level: str, tmp_path: Path) -> None:
    assert sqlrecover("ltx", f"-level={level}", case("v05-plain", tmp_path).url).code == 2


@pytest.mark.parametrize("command", ["generations", "wal"])
def test_the_commands_of_v03_point_to_this_one(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A replica of LTX files has none of these; the answer says how to list what it has."""
    run([command, case("v05-plain", tmp_path).url])
    captured = capsys.readouterr()
    assert "sqlrecover ltx" in captured.out + captured.err


def test_snapshots_are_the_files_of_level_9(tmp_path: Path) -> None:
    url = case("v05-levels", tmp_path).url
    assert _ours(["snapshots", url]) == _theirs(["ltx", "-level", "9", url])
