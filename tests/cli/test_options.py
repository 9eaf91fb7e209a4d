"""Command lines as Litestream's users type them, and one clear line for those nobody understands."""

from __future__ import annotations

import click
import pytest

from sqlite_recovery_tui.cli.main import split
from sqlite_recovery_tui.cli.options import with_two_dashes
from sqlite_recovery_tui.errors import UsageError

PARAMS = (
    click.Option(["--config"]),
    click.Option(["-o", "--output"]),
    click.Option(["--if-replica-exists"], is_flag=True),
    click.Option(["-v", "--verbose"], count=True),
    click.Argument(["target"]),
)


@pytest.mark.parametrize(
    ("typed", "spelt"),
    [
        ("-config F db", "--config F db"),
        ("-config=F db", "--config F db"),
        ("--config=F=G db", "--config F=G db"),
        ("db -o OUT", "db -o OUT"),
        ("-o=OUT", "-o OUT"),
        ("-output OUT", "--output OUT"),
        ("-o -config", "-o -config"),
        ("-if-replica-exists=true db", "--if-replica-exists db"),
        ("-if-replica-exists=false db", "db"),
        ("-vv", "-v -v"),
        ("-- -config", "-- -config"),
        ("-", "-"),
    ],
)
def test_single_dashes_and_equal_signs(typed: str, spelt: str) -> None:
    assert with_two_dashes(typed.split(), PARAMS) == spelt.split()


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("-confg F", "no such option: -confg", "did you mean -config?"),
        ("-oOUT", "no such option: -oOUT", "add -h"),
        ("---config", "no such option: ---config", "did you mean -config?"),
        ("-config", "option -config needs a value", "write -config"),
        ("-if-replica-exists=perhaps", "on or off, not 'perhaps'", "alone"),
    ],
)
def test_what_cannot_be_understood_is_named_in_full(typed: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_two_dashes(typed.split(), PARAMS)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "name", "rest"),
    [
        ("wal db", "wal", "db"),
        ("-config F wal db", "wal", "-config F db"),
        ("--json -config=F wal", "wal", "--json -config=F"),
        ("app.db", None, "app.db"),
        ("-config wal", None, "-config wal"),
        ("-- wal", None, "-- wal"),
        ("", None, ""),
    ],
)
def test_the_command_is_found_behind_its_options(typed: str, name: str | None, rest: str) -> None:
    assert split(typed.split()) == (name, rest.split())
