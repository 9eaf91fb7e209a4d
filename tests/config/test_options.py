"""Our own settings: typed, checked, and handed down from the file to databases to replicas."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Assertion, Settings, Threshold, Thresholds
from tests.config.conftest import Loader, Refused

MINUTE = timedelta(minutes=1)


def test_defaults(loaded: Loader) -> None:
    settings = loaded("dbs: [{path: /a, replicas: [{path: /r}]}]", environ={"HOME": "/home/me"})
    for level in (settings, Settings()):
        assert level.memory_bytes == 128 << 20
        assert (level.promote_mode, level.assertions, level.thresholds) == (None, (), Thresholds())
    assert Settings().scratch_dir.is_absolute()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/me"}, "/home/me/.local/state/sqlrecover/scratch"),
        ({"HOME": "/home/me", "XDG_STATE_HOME": "/state"}, "/state/sqlrecover/scratch"),
    ],
)
def test_default_scratch_directory_is_of_the_user(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str
) -> None:
    from sqlite_recovery_tui.config.models import default_scratch_dir

    assert default_scratch_dir(environ) == Path(expected)
    assert default_scratch_dir({}).is_absolute()


def test_the_nearest_wins_key_by_key(loaded: Loader) -> None:
    settings = loaded(
        """\
        sqlrecover:
          scratch-dir: ~/scratch
          memory: 64MiB
          scratch-keep: 168h
          scratch-max: 1GiB
          undo-keep: 720h
          undo-max: 2GiB
          promote-mode: online
          thresholds: {behind: {warn: 1m, fail: 10m}, proven-age: {fail: 24h}}
        dbs:
          - path: /a
            sqlrecover:
              promote-mode: swap
              undo-max: 1GiB
              thresholds: {behind: {fail: 2m}}
              assertions:
                - {sql: SELECT count(*) FROM t, expect: 3, name: rows}
                - {sql: "SELECT name FROM t", expect: "3"}
                - {sql: "SELECT 1.5", expect: 1.5}
                - {sql: "SELECT max(x) FROM empty", expect: null}
                - {sql: "SELECT ''", expect: ""}
            replicas:
              - path: /r
                sqlrecover: {memory: 32MiB, scratch-dir: /other}
              - path: /s
          - path: /b
        """,
        environ={"HOME": "/home/me"},
    )
    a, b = settings.databases
    near, far = a.replicas
    assert settings.scratch_dir == a.scratch_dir == far.scratch_dir == Path("/home/me/scratch")
    assert near.scratch_dir == Path("/other")
    assert (settings.scratch_keep, settings.scratch_max) == (timedelta(days=7), 1 << 30)
    assert (b.undo_keep, b.undo_max) == (timedelta(days=30), 2 << 30)
    assert (a.undo_keep, a.undo_max) == (timedelta(days=30), 1 << 30)
    assert (settings.memory_bytes, near.memory_bytes, far.memory_bytes) == (64 << 20, 32 << 20, 64 << 20)
    assert (settings.promote_mode, a.promote_mode, near.promote_mode, b.promote_mode) == (
        "online",
        "swap",
        "swap",
        "online",
    )
    assert settings.thresholds.behind == b.thresholds.behind == Threshold(MINUTE, 10 * MINUTE)
    assert a.thresholds.behind == Threshold(None, 2 * MINUTE)
    assert a.thresholds.proven_age == Threshold(None, timedelta(hours=24))
    assert a.assertions == (
        Assertion("SELECT count(*) FROM t", 3, "rows"),
        Assertion("SELECT name FROM t", "3"),
        Assertion("SELECT 1.5", 1.5),
        Assertion("SELECT max(x) FROM empty", None),
        Assertion("SELECT ''", ""),
    )
    assert [type(one.expect) for one in a.assertions] == [int, str, float, type(None), str]
    assert (settings.assertions, near.assertions) == ((), a.assertions)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{memory: 128}", "sqlrecover.memory: expected at least 16MiB"),
        ("{memory: lots}", '"lots" is not a size'),
        ("{assertions: [{sql: SELECT 1}]}", "sqlrecover.assertions[0]: expect is missing"),
        ("{assertions: [{expect: 1}]}", "sqlrecover.assertions[0]: sql is missing"),
        ("{assertions: [{sql: null, expect: 1}]}", "sqlrecover.assertions[0]: sql is missing"),
        ("{assertions: [{sql: x, expect: true}]}", "SQLite has no true or false"),
        ("{assertions: [{sql: x, expect: [1]}]}", "expected a single value, not a list"),
        ("{assertions: {sql: x, expect: 1}}", "expected a list"),
        ("{thresholds: {behind: 1m}}", "expected a mapping of keys to values, not a single value"),
        ("{thresholds: {behind: {warn: 2m, fail: 1m}}}", "behind.warn: warn must not be longer than fail"),
        ("{scratch-dir: no}", "put it in"),
        ("[]", "expected a mapping of keys to values, not a list"),
    ],
)
def test_wrong_options(refused: Refused, text: str, message: str) -> None:
    assert message in refused(f"sqlrecover: {text}").message
