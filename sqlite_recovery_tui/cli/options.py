"""The command class and the options all commands share; every long option also works with one dash."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from sqlite_recovery_tui.cli.session import Common, Session
from sqlite_recovery_tui.errors import UsageError

_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")
_EPILOG = "Every option may also be written with one dash, and with = before its value: -config=FILE."


class Command(click.Command):
    """A click command that takes options as Litestream's users type them and prints help through `Output`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_two_dashes(args, self.get_params(ctx)))

    def get_help_option(self, _ctx: click.Context) -> click.Option | None:
        return click.Option(
            ["-h", "--help", "show_help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_help,
            help="Show this text.",
        )


def subcommand(name: str, *, tells_warnings: bool = True) -> Callable[[Callable[..., int]], Command]:
    """Make a function `(session, **options) -> exit code` a command with the shared options.

    `tells_warnings` is whether those of the configuration are printed before it begins.
    """

    def decorate(body: Callable[..., int]) -> Command:
        @functools.wraps(body)
        def wrapped(
            config: Path | None, no_expand_env: bool, as_json: bool, no_color: bool, verbose: int, **own: Any
        ) -> int:
            session = click.get_current_context().obj
            assert isinstance(session, Session)
            session.common = Common(config, not no_expand_env, as_json, not no_color, verbose)
            session.tells_warnings = tells_warnings
            session.err.take_logs()
            if config is not None and name != "version":
                _ = session.settings  # one that was named must hold, whether the command needs it or not
            return body(session, **own)

        return click.command(name, cls=Command, epilog=_EPILOG)(_shared(wrapped))

    return decorate


def target_argument(
    *, required: bool, what: str = "DB|URL"
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add the argument that names a database of the configuration or a replica's URL."""
    return click.argument("target", required=required, metavar=what if required else f"[{what}]")


def replica_option(body: Callable[..., int]) -> Callable[..., int]:
    """Add `--replica NAME`."""
    return click.option("--replica", metavar="NAME", help="Only the replica of this name.")(body)


def generation_option(body: Callable[..., int]) -> Callable[..., int]:
    """Add `--generation ID`."""
    return click.option(
        "--generation", metavar="ID", callback=_generation, help="Only the generation with this id."
    )(body)


def level_option(body: Callable[..., int]) -> Callable[..., int]:
    """Add `--level N`."""
    return click.option(
        "--level",
        metavar="N",
        default="0",
        show_default=True,
        callback=_level,
        help="LTX files of this level: 0 (each sync) to 9 (snapshots), or all.",
    )(body)


def hexadecimal(_ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read a hexadecimal option, with or without 0x; raise `UsageError`."""
    if value is None:
        return None
    try:
        number = int(value, 16)
    except ValueError:
        number = -1
    if number < 0 or len(value) > 18:
        raise UsageError(
            f"{value!r} is not a hexadecimal number for -{param.name}",
            hint="write it as the position column of `sqlrecover wal` does",
        )
    return number


def size_in_bytes(_ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read a size option such as 128MiB; raise `UsageError`."""
    return None if value is None else _parsed("parse_size", param, value)


def duration(_ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a duration option such as 1h30m; raise `UsageError`."""
    return None if value is None else _parsed("parse_duration", param, value)


def _parsed(reader: str, param: click.Parameter, value: str) -> Any:
    from sqlite_recovery_tui import config

    try:
        return getattr(config, reader)(value)
    except ValueError as error:
        raise UsageError(f"{value!r} is no good for -{param.name}: {error}") from None


def _generation(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and (len(value) != 16 or set(value) - set("0123456789abcdef")):
        raise UsageError(
            f"{value!r} is not a generation",
            hint="a generation is 16 hexadecimal digits; `sqlrecover generations` lists them",
        )
    return value


def _level(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value not in (*"0123456789", "all"):
        raise UsageError(f"{value!r} is not a level", hint="write -level 0 to -level 9, or -level all")
    return value


def _shared(body: Callable[..., int]) -> Callable[..., int]:
    options = (
        click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE", help="The configuration file."
        ),
        click.option("--no-expand-env", is_flag=True, help="Leave $VARIABLES in the configuration alone."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option("--no-color", is_flag=True, help="Print without colours."),
        click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for debugging."),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), body)


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from sqlite_recovery_tui.cli.output import Output

        Output().lines(ctx.get_help().splitlines())
        ctx.exit()


def with_two_dashes(args: Sequence[str], params: Sequence[click.Parameter]) -> list[str]:
    """Spell options as click wants them: `-config=F` as `--config=F`, `-force=true` as `--force`.

    Raises `UsageError` for an option that is not known, naming the nearest one.
    """
    options = _by_name(params)
    given = list(args)
    spelt: list[str] = []
    while given:
        arg = given.pop(0)
        if arg == "--":
            return [*spelt, arg, *given]
        if not arg.startswith("-") or arg == "-":
            spelt.append(arg)
            continue
        name, equals, value = arg.lstrip("-").partition("=")
        if set(name) == {"v"} and not equals:
            spelt += ["-v"] * len(name)
            continue
        option = options.get(name)
        if option is None or arg.startswith("---"):
            raise _unknown(arg.partition("=")[0], options)
        dashed = f"--{name}" if len(name) > 1 else f"-{name}"
        if option.is_flag or option.count:
            spelt += _flag(dashed, value if equals else "true")
        elif equals:
            spelt += [dashed, value]
        elif given:
            spelt += [dashed, given.pop(0)]
        else:
            raise UsageError(
                f"option {arg} needs a value", hint=f"write {arg} {option.make_metavar(_NOWHERE)}"
            )
    return spelt


def _by_name(params: Sequence[click.Parameter]) -> dict[str, click.Option]:
    return {
        spelling.lstrip("-"): param
        for param in params
        if isinstance(param, click.Option)
        for spelling in (*param.opts, *param.secondary_opts)
    }


def _flag(dashed: str, value: str) -> list[str]:
    if value.lower() in _TRUE:
        return [dashed]
    if value.lower() in _FALSE:
        return []
    raise UsageError(
        f"option {dashed} is on or off, not {value!r}", hint=f"write {dashed} alone, or leave it out"
    )


def _unknown(arg: str, options: dict[str, click.Option]) -> UsageError:
    near = get_close_matches(arg.lstrip("-"), list(options), n=1)
    hint = f"did you mean -{near[0]}?" if near else "add -h to see the options of this command"
    return UsageError(f"no such option: {arg}", hint=hint)


_NOWHERE = click.Context(click.Command("none"))
