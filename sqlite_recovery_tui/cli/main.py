"""The front door: a static table of commands and its help; everything else is imported when needed."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # `typing` costs a tenth of what `--help` may take
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.cli.session import ConsoleFn
    from sqlite_recovery_tui.clock import Clock

COMMANDS = {
    "databases": "databases of the configuration and where their replicas are",
    "replicas": "every replica: what it is, where it is, how far it reaches",
    "browse": "find every replica in a bucket or folder, also those no configuration names",
    "generations": "generations of each replica with their time span and lag (Litestream 0.3)",
    "snapshots": "snapshots of each replica",
    "wal": "WAL segments of each replica (Litestream 0.3)",
    "ltx": "LTX files of each replica (Litestream 0.5)",
    "show": "take a stored object apart: frames, transactions, pages, what is wrong where",
    "timeline": "coverage, gaps and restore points",
    "restore": "restore a database to a file: the latest state, a time or a position",
    "resume": "take an interrupted restore up again, or discard it",
    "preview": "look at tables and rows of a restore point without restoring it (Litestream 0.5)",
    "verify": "prove a replica or a database file",
    "drill": "restore for the proof of it: check, measure, remember, remove again",
    "tables": "tables of a database file, or all that the schema says of one",
    "query": "run one read-only statement on a database file",
    "export": "write a table, or what a query gives, to a CSV, JSON or SQL file",
    "bisect": "the first commit at which the answer to a query changed",
    "check": "one line per check: can it be restored, how far, how fresh",
    "doctor": "what would go wrong later: databases, storage, configuration, recovery; with the fix",
    "diff": "how two databases differ: schema, rows per table, the rows themselves",
    "rescue": "put only the missing rows of a restored database back into production",
    "promote": "put a restored database in production's place, with a way back",
    "undo": "take a promote back",
    "history": "what was done, when and by whom; an incident as a report",
    "serve": "the console in a browser, on this machine",
    "replicate": "follow databases, and ship every commit to their replicas; run the application beside it",
    "status": "what running replication daemons say: how far each replica is, what waits, why",
    "retention": "what the daemon's retention would remove from each replica now; removes nothing",
    "scratch": "restored copies that are not production: list, delete, let expire",
    "demo": "build a sample incident and open the console on it",
    "version": "print the version",
}
"""Each name is a module of `cli.commands` that defines `command`."""

_TAKES_VALUE = ("config",)
_HELP = ("-h", "-help", "--help")


def run(argv: Sequence[str], *, console: ConsoleFn | None = None, clock: Clock | None = None) -> int:
    """Carry out one command line and return its exit code; no exception leaves it.

    Codes are those of `errors`, and 141 when the reader of stdout went away. `console` opens the
    console; without it (or without a terminal) the fleet is printed instead.
    """
    name, args = split(argv)
    if name is None and (any(arg in _HELP for arg in args) or args == ["help"]):
        try:
            sys.stdout.write(overview())
            sys.stdout.flush()
        except BrokenPipeError:
            from sqlite_recovery_tui.cli.output import leave_quietly

            return leave_quietly()
        return 0
    from sqlite_recovery_tui.cli.dispatch import carry_out

    return carry_out(name, args, console=console, clock=clock)


def split(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """Find the command's name among the arguments; options in front of it become the command's own.

    The name is None for the console and its optional database or URL.
    """
    number = 0
    while number < len(argv) and argv[number].startswith("-") and argv[number] != "--":
        takes_next = argv[number].lstrip("-") in _TAKES_VALUE
        number += 2 if takes_next else 1
    if number < len(argv) and argv[number] in COMMANDS:
        return argv[number], [*argv[:number], *argv[number + 1 :]]
    return None, list(argv)


def overview() -> str:
    """Return the help of the program itself, made without importing any command."""
    width = max(map(len, COMMANDS))
    lines = [
        "sqlrecover: browse, prove and restore the replicas of SQLite databases",
        "",
        "usage: sqlrecover [DB|URL]                 open the console",
        "       sqlrecover COMMAND [OPTIONS] ...    one of:",
        "",
        *(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()),
        "",
        "A database is named by its path or base name in the configuration; a replica URL",
        "(s3:// gs:// abs:// sftp:// file://) works in its place.",
        "",
        "Every command takes --config FILE (default: $SQLRECOVER_CONFIG, ./sqlrecover.yml,",
        "./litestream.yml, /etc/sqlrecover.yml, /etc/litestream.yml), --json, --no-color, -v and -h.",
        "",
        "exit codes: 0 done, 1 failed, 2 usage or configuration, 3 nothing found, 4 damaged,",
        "5 restored but a check failed, 6 storage, 7 refused, 130 interrupted",
    ]
    return "".join(f"{line}\n" for line in lines)
