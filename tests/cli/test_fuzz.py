"""Whatever is typed, and whatever the configuration holds, ends in one line and a documented exit code."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.cli.main import COMMANDS, run
from tests.cli.conftest import Cli

CODES = {0, 1, 2, 3, 4, 5, 6, 7}
ENDLESS = ("demo", "serve")
"""What goes on until somebody ends it."""
HARMLESS = [name for name in COMMANDS if name not in ENDLESS]
WORDS = st.one_of(
    st.sampled_from(
        [
            *HARMLESS,
            "-config",
            "--config=nowhere.yml",
            "-json",
            "--json",
            "-o",
            "out.db",
            "-timestamp",
            "20 min ago",
            "9999-99-99",
            "99999999999",
            "-index",
            "-1",
            "ffffffffffffffff",
            "-offset",
            "-txid",
            "1c",
            "0000000000000029",
            "-level",
            "all",
            "-generation",
            "0123456789abcdef",
            "-replica",
            "-dry-run",
            "-force",
            "-nearest=maybe",
            "-v",
            "-vvv",
            "-",
            "--",
            "-h",
            "app.db",
            "file:///nowhere",
            "file://",
            "s3://",
            "ftp://x",
            "sftp://u:p@",
            "http://[",
            "abs://@",
            "%",
            "",
            "-memory",
            "-parallelism",
            "1e9",
            "-limit",
            "-points",
            "-all",
            "-full",
            "-nagios",
            "-max-behind",
        ]
    ),
    st.text(alphabet=st.characters(exclude_characters="\0"), max_size=12),
)
BROKEN = [
    "",
    "---\n---\n",
    "dbs",
    "dbs: 1\n",
    "dbs: [\n",
    "dbs:\n  - path: 1\n    replicas: x\n",
    "dbs:\n  - {}\n",
    "dbs:\n - path: a.db\n   replicas:\n    - url: 'ftp://x'\n",
    "dbs:\n - path: a.db\n   replicas:\n    - url: file:///a\n      retnetion: 1h\n",
    "dbs:\n - path: a.db\n   replicas:\n    - url: file:///a\n      retention: soon\n",
    "dbs: &a [*a]\n",
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]\n",
    "!!python/object/apply:os.system ['true']\n",
    "\t\x01",
    "dbs:\n  - path: \x1b[2J.db\n",
    "x" * 100_000,
    "[" * 5000,
]


def _tame(code: int, out: str, err: str) -> None:
    assert code in CODES, (code, err)
    assert "Traceback" not in out + err
    assert "internal error" not in out + err
    for text in (out, err):
        assert all(char.isprintable() or char == "\n" for char in text), text
    assert len(err.splitlines()) <= 4, err


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS, max_size=6))
def test_any_command_line_ends_in_words(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    _tame(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("number", range(len(BROKEN)))
@pytest.mark.parametrize("command", ["databases", "timeline app.db", "restore -o out.db app.db", "check", ""])
def test_a_broken_configuration_ends_in_words(number: int, command: str, cli: Cli) -> None:
    Path("litestream.yml").write_text(BROKEN[number])
    answer = cli(*command.split())
    _tame(answer.code, answer.out, answer.err)
    assert answer.code != 0 or number in (0, 1) or command in ("databases", "", "check"), answer


@pytest.mark.parametrize(
    "make", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xfe\x00dbs")]
)
def test_a_configuration_that_is_no_text_ends_in_words(make: object, cli: Cli) -> None:
    assert callable(make)
    make(Path("litestream.yml"))
    answer = cli("databases")
    _tame(answer.code, answer.out, answer.err)
    assert answer.code == 2


@pytest.mark.parametrize("command", HARMLESS)
def test_a_configuration_that_is_not_there_is_2(command: str, cli: Cli) -> None:
    if command == "version":
        return
    needed = {
        "restore": ["-o", "x", "a"],
        "timeline": ["a"],
        "show": ["a", "0:0"],
        "preview": ["a"],
        "verify": ["--all"],
        "tables": ["a"],
        "query": ["a", "SELECT 1"],
        "export": ["a", "t", "-o", "x"],
        "browse": ["file:///nowhere"],
        "bisect": ["a", "-sql", "SELECT 1"],
        "diff": ["a", "b"],
        "rescue": ["a"],
        "promote": ["a"],
        "undo": ["a"],
    }
    words = needed.get(command, [])
    answer = cli(command, *words, "-config", "nowhere.yml")
    assert answer.code == 2
    assert "nowhere.yml" in answer.err
