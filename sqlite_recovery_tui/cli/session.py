"""What every command works with: its shared options, the settings, both streams, a clock, a cancel token."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from sqlite_recovery_tui.cli.diagnostics import Diagnostics
from sqlite_recovery_tui.cli.output import Output
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import Cancelled, ConfigError
from sqlite_recovery_tui.progress import CancelToken

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.meter import Meter
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.history.act import Act
    from sqlite_recovery_tui.history.ledger import Ledger
    from sqlite_recovery_tui.replica.fleet import ReplicaRef


class ConsoleFn(Protocol):
    """Open the console on settings and, if one was named, a database or URL; return the exit code."""

    def __call__(
        self, settings: Settings | None, target: str | None, colour: bool, /, *, read_only: bool = False
    ) -> int:
        """Open it in `colour` or without, and with `read_only` in a way that nobody can change."""
        ...


@dataclass(frozen=True)
class Common:
    """The options that every command takes."""

    config: Path | None = None
    expand_env: bool = True
    as_json: bool = False
    colour: bool = True
    verbose: int = 0


@dataclass
class Session:
    """One run of one command."""

    common: Common
    clock: Clock = SYSTEM
    cancel: CancelToken = field(default_factory=CancelToken)
    console: ConsoleFn | None = None
    """How to open the console; None where there is none to open."""
    words: tuple[str, ...] = ()
    """The command line as it was typed, from the command's name on."""
    umask: int = 0o022
    """That of whoever called us, for programs that we run."""
    tells_warnings: bool = True
    """Whether the configuration's warnings are printed when it is loaded."""

    @cached_property
    def out(self) -> Output:
        return Output(as_json=self.common.as_json, colour=self.common.colour)

    @cached_property
    def err(self) -> Diagnostics:
        return Diagnostics(verbose=self.common.verbose, colour=self.common.colour)

    @cached_property
    def settings(self) -> Settings | None:
        """The configuration that was named or found; None when there is none. Raises `ConfigError`."""
        from sqlite_recovery_tui import config

        file = self.common.config or config.find()
        if file is None:
            return None
        settings = config.load(file, expand_env=self.common.expand_env)
        if self.tells_warnings:
            self.warn_of(settings)
        return settings

    def warn_of(self, settings: Settings) -> None:
        """Print what the configuration's author should know."""
        for warning in settings.warnings:
            self.err.warning(warning)

    def settings_for(self, wanted: str | None) -> Settings | None:
        """Return the settings that `wanted` needs: for a URL one that was named, if any."""
        from sqlite_recovery_tui import config

        if wanted is not None and not config.is_url(wanted) and _is_place(wanted):
            return None
        if wanted is not None and self.common.config is None and config.is_url(wanted):
            return None
        return self.settings

    @property
    def can_open_console(self) -> bool:
        """True when there is a console and a terminal to show it on."""
        return self.console is not None and sys.stdin.isatty() and self.out.is_terminal

    def open_console(self, settings: Settings | None, target: str | None, *, read_only: bool = False) -> int:
        """Open the console and return its exit code; that of an interrupt when a signal ended it."""
        assert self.console is not None
        self.out.flush()
        with _signals_for_an_event_loop(self.cancel):
            code = self.console(settings, target, self.common.colour, read_only=read_only)
        return Cancelled.code if self.cancel.cancelled else code

    def refs(self, wanted: str | None = None, replica: str | None = None) -> list[ReplicaRef]:
        """Return the replicas of a database or URL, or of all databases.

        Raises `NotFoundError` for a name nobody knows, `ConfigError` when a name needs a
        configuration and there is none.
        """
        from sqlite_recovery_tui.replica import fleet

        settings = self.settings_for(wanted)
        if settings is None and (wanted is None or not _is_place(wanted)):
            raise no_configuration(wanted)
        return fleet.refs(settings, wanted, replica)

    @cached_property
    def history(self) -> Ledger:
        """The ledger of acts; where it cannot be written, that is said once."""
        from sqlite_recovery_tui.history.ledger import Ledger

        return Ledger.open(warn=self.err.warning)

    def act(self, kind: str, *, exact: Mapping[str, str] | None = None, **members: Any) -> Act:
        """Return an act of this command line for the history, to be used as a context manager.

        `exact` says how words of the command line are written that would mean something else later.
        """
        from sqlite_recovery_tui.history.act import Act
        from sqlite_recovery_tui.history.facts import repeatable

        command = repeatable(self.words, exact or {})
        return Act(self.history, kind, clock=self.clock, command=command, **members)

    def meter(self) -> Meter:
        """Return a context manager that shows progress on stderr."""
        from sqlite_recovery_tui.cli.meter import Meter

        return Meter(self.err, clock=self.clock)

    def document(self, document: dict[str, Any]) -> None:
        """Print the JSON document, when one was asked for."""
        self.out.document(document)


@contextmanager
def _signals_for_an_event_loop(cancel: CancelToken) -> Iterator[None]:
    """Let a signal cancel the event loop's main task, which gives the terminal back before it ends.

    An exception raised wherever the loop happens to be may keep it from doing so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        cancel.cancel()
        signal.raise_signal(signal.SIGINT)

    before = {
        # asyncio takes SIGINT over only from the default handler
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, stop),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def no_configuration(wanted: str | None = None) -> ConfigError:
    """Return the error for a command that needs a configuration, or a place, where none was found."""
    shown = f'"{wanted}"' if wanted is not None and "@" not in wanted else "what was named"
    extra = f", and {shown} is neither a replica URL nor a directory" if wanted is not None else ""
    return ConfigError(
        f"no configuration found{extra}",
        hint="name one with -config FILE, set $SQLRECOVER_CONFIG, or give a replica URL such as s3://bucket/path",
    )


def _is_place(wanted: str) -> bool:
    """Tell whether a word names a replica by itself."""
    from sqlite_recovery_tui import config

    return config.is_url(wanted) or Path(wanted).is_dir()
