"""Hostile, broken and surprising YAML gives one clear line, with the line of the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import load
from sqlite_recovery_tui.config.loading import MOST_BYTES
from sqlite_recovery_tui.errors import ConfigError
from tests.config.conftest import Loader, Refused


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("dbs: &a []\nlevels: *a\n", 2, "aliases"),
        ("base: &b {path: /a}\ndbs: [{<<: *b}]\n", 2, "aliases"),
        ("addr: a\nexec: b\naddr: c\n", 3, "addr: duplicate key; it stands in line 1 already"),
        ("dbs:\n- path: /a\n  path: /b\n", 3, "path: duplicate key; it stands in line 2 already"),
        ("dbs: !!python/object/apply:os.system [echo]\n", 1, "tags"),
        ("\nexec: !!python/name:os.system x\n", 2, "tags"),
        ("addr: !env X\n", 1, "tags"),
        ("- a\n- b\n", 1, "expected a mapping of keys to values, not a list"),
        ("just words\n", 1, "expected a mapping of keys to values, not a single value"),
        ("addr: x\n---\naddr: y\n", 2, "second YAML document"),
        ("? [a]\n: b\n", 1, "a key is expected here, not a list"),
        ("dbs:\n\t- path: /a\n", 2, "a tab cannot indent"),
        ("addr: x\nexec: y: z\n", 2, "not valid YAML"),
        ("addr: x\nexec: 'y\nmcp-addr: z\n", 2, "the quotes that open here are never closed"),
        ("addr: x\nexec y\ndbs: []\n", 3, "a key without a colon behind it"),
        ("addr: x\n exec: y\n", 2, "a colon does not belong here; is the line indented as it should"),
        ("dbs:\n  - path: /a\n    x: y\n   z: y\n", 4, "is the line indented like"),
        ("addr: @x\n", 1, "a value cannot begin like this without quotes"),
        ("addr: \x07\n", 1, "a character that YAML does not allow"),
        ('exec: "a\\0b"\nmcp-addr: "\\x1b[31m"\n', 1, "control character"),
        ("addr: é\r\nü: 1\r\n", 2, "unknown key"),
        ("addr: é\r\nexec: [\r\n", 3, "not valid YAML"),
        ("1: x\n", 1, "unknown key"),
        ("~: x\n", 1, "unknown key"),
    ],
)
def test_is_refused_with_its_line(refused: Refused, text: str, line: int, message: str) -> None:
    error = refused(text)
    assert message in error.message
    assert error.line == line
    assert "\n" not in str(error)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{a: "])
def test_nesting_is_bounded(refused: Refused, opening: str) -> None:
    error = refused(opening * 40_000)
    assert "nested deeper than 32 levels" in error.message or "not valid YAML" in error.message


def test_alias_bomb_costs_nothing(refused: Refused) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert refused("\n".join(lines)).line == 2


def test_size_is_bounded(config_file: Path, refused: Refused) -> None:
    assert "larger than 256 KiB" in refused("#" * (MOST_BYTES + 1)).message
    assert "larger than 1 MiB" in refused("$A" * 2000, environ={"A": "x" * 1000}).message
    assert "empty" in refused("#" * MOST_BYTES).message
    with pytest.raises(ConfigError, match="larger than 256 KiB"):
        load(Path("/dev/zero"))


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "$UNSET"])
def test_empty_file(refused: Refused, text: str) -> None:
    error = refused(text)
    assert error.message == "the file is empty"
    assert error.code == 2


def test_faults_of_the_file_itself(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, "this is a directory"),
        (tmp_path / "none.yml", "no such file"),
        (tmp_path / "none.yml" / "below", "no such file"),
        (Path("a\0b"), "not a path"),
        (tmp_path / ("x" * 300), "file name too long"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert message in caught.value.message
        assert str(caught.value).startswith(str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(config_file: Path) -> None:
    config_file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: permission denied"):
        load(config_file)


def test_not_utf8(config_file: Path) -> None:
    config_file.write_bytes(b"addr: x\nexec: \xff\xfe\n")
    with pytest.raises(ConfigError, match="not UTF-8 text") as caught:
        load(config_file)
    assert caught.value.line == 2


def test_byte_order_mark_and_windows_line_ends_are_fine(config_file: Path) -> None:
    config_file.write_bytes("\ufeffdbs:\r\n- path: /a.db\r\n".encode())
    assert load(config_file, environ={}).databases[0].path == Path("/a.db")


def test_error_is_one_line_with_file_line_and_key(config_file: Path, refused: Refused) -> None:
    error = refused("dbs:\n- path: /a\n  replicas:\n  - path: /r\n    retnetion: 1h\n")
    key = "dbs[0].replicas[0].retnetion"
    assert str(error) == f"{config_file}:5: {key}: unknown key; did you mean retention?"
    assert (error.file, error.line, error.key) == (str(config_file), 5, key)
    assert error.to_json()["line"] == 5


def test_explicit_text_tag_and_block_scalars_are_text(loaded: Loader) -> None:
    settings = loaded("dbs:\n- path: !!str /a\n- path: |-\n    /b\n- path: >-\n    /c\n    d\n")
    assert [str(database.path) for database in settings.databases] == ["/a", "/b", "/c d"]
