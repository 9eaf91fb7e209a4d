"""Import one command, run it, and turn every way it can end into an exit code and one line."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.diagnostics import error_document, unexpected
from sqlite_recovery_tui.cli.output import leave_quietly
from sqlite_recovery_tui.cli.session import Common, ConsoleFn, Session
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import Cancelled, RecoverError, UsageError

if TYPE_CHECKING:
    import click

CONSOLE = "console"


def carry_out(
    name: str | None, args: Sequence[str], *, console: ConsoleFn | None = None, clock: Clock | None = None
) -> int:
    """Run command `name` (None: the console) and return its exit code.

    Whatever it creates is readable by its owner only.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without our letters is no failure
    words = (*([name] if name else []), *args)
    session = Session(Common(as_json=_wants_json(args)), clock=clock or SYSTEM, console=console, words=words)
    umask = session.umask = os.umask(0o077)
    try:
        with _signals(session):
            return _finish(session, _run(name, list(args), session))
    except BrokenPipeError:
        return leave_quietly()
    except RecoverError as error:  # the report itself could not be written
        session.err.error(error)
        return error.code
    except KeyboardInterrupt:
        return Cancelled.code
    finally:
        os.umask(umask)


def _run(name: str | None, args: list[str], session: Session) -> int:
    try:
        module = importlib.import_module(f"sqlite_recovery_tui.cli.commands.{name or CONSOLE}")
        return _invoke(module.command, f"sqlrecover {name}" if name else "sqlrecover", args, session)
    except RecoverError as error:
        return _report(error, session)
    except KeyboardInterrupt:
        return _interrupted(session)
    except BrokenPipeError:
        raise
    except Exception as fault:
        if session.cancel.cancelled:  # whatever broke, broke because it was told to stop
            return _interrupted(session)
        return _report(_from_click(fault) or unexpected(fault), session)


def _invoke(command: click.Command, program: str, args: list[str], session: Session) -> int:
    """Parse and run, without what click's own `main` does to signals, pipes and exit codes."""
    from click.exceptions import Exit

    try:
        with command.make_context(program, args, obj=session) as context:
            return int(command.invoke(context) or 0)
    except Exit as leaving:  # help was printed
        return leaving.exit_code


def _interrupted(session: Session) -> int:
    session.cancel.cancel()
    return _report(Cancelled("interrupted"), session)


def _report(error: RecoverError, session: Session) -> int:
    if session.common.as_json and not session.out.has_document:
        session.out.document(error_document(error))
    else:
        session.err.error(error)
    return error.code


def _from_click(fault: Exception) -> RecoverError | None:
    """Return click's complaint about the command line in our own words; None for anything else."""
    click = sys.modules.get("click")
    if click is None or not isinstance(fault, click.ClickException):
        return None
    message = fault.format_message().strip().rstrip(".")
    context = getattr(fault, "ctx", None)
    usage = context.get_usage() if context is not None else ""
    return UsageError(
        message[:1].lower() + message[1:], hint=" ".join(usage.split()).replace("Usage:", "write")
    )


def _wants_json(args: Sequence[str]) -> bool:
    """Tell whether JSON was asked for, also on a command line that cannot be parsed."""
    options = args[: args.index("--")] if "--" in args else args
    return any(arg in ("--json", "-json", "-json=true", "--json=true") for arg in options)


def _finish(session: Session, code: int) -> int:
    try:
        session.out.flush()
    except RecoverError as error:
        session.err.error(error)
        code = code or error.code
    session.err.flush()
    return code


@contextmanager
def _signals(session: Session) -> Iterator[None]:
    """Take SIGINT and SIGTERM as a request to stop: the work is told, then this thread is interrupted.

    A second signal ends the process at once; whatever is being written survives that as it survives a kill.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        if session.cancel.cancelled:
            session.err.show_cursor()
            os._exit(Cancelled.code)
        session.cancel.cancel()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
