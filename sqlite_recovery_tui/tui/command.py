"""The command line that does what a screen would do, to be copied, kept and understood."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.domain import StoredObject
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, AtTxid, format_utc
from sqlite_recovery_tui.tui.aim import Aim

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.state import Place


def verify_line(place: Place, *, config: Path | None) -> str:
    """Return the `sqlrecover` command that proves a replica."""
    database = place.ref.database if config is not None else None
    words = ["sqlrecover", "verify"]
    words += ["-config", str(config), "-replica", place.replica] if database is not None else []
    return shlex.join([*words, str(database.path) if database is not None else place.url])


def fleet_line(config: Path | None, urls: Sequence[str]) -> str:
    """Return the `sqlrecover` command that lists the fleet."""
    words = ["-config", str(config)] if config is not None else list(urls[:1])
    return shlex.join(["sqlrecover", "replicas", *words])


def timeline_line(place: Place, *, config: Path | None) -> str:
    """Return the `sqlrecover` command that shows what a replica covers."""
    return verify_line(place, config=config).replace("sqlrecover verify", "sqlrecover timeline", 1)


def show_line(
    place: Place, item: StoredObject, *, config: Path | None, which: tuple[str, int] | None = None
) -> str:
    """Return the `sqlrecover` command that takes an object apart, or `which` page or frame of it."""
    line = verify_line(place, config=config).replace("sqlrecover verify", "sqlrecover show", 1)
    words = [item.key, *([which[0], str(which[1]), "-hex"] if which is not None else [])]
    return f"{line} {shlex.join(words)}"


def scratch_line(config: Path | None) -> str:
    """Return the `sqlrecover` command that lists scratch databases."""
    return shlex.join(["sqlrecover", "scratch", *(["-config", str(config)] if config is not None else [])])


def delete_line(names: Sequence[str], config: Path | None) -> str:
    """Return the `sqlrecover` command that deletes these scratch databases."""
    words = ["sqlrecover", "scratch", "delete"]
    words += ["-config", str(config)] if config is not None else []
    return shlex.join([*words, *names])


def resume_line(output: Path, *, config: Path | None) -> str:
    """Return the `sqlrecover` command that takes an interrupted restore up again."""
    words = ["sqlrecover", "resume"]
    words += ["-config", str(config)] if config is not None else []
    return shlex.join([*words, str(output)])


def command_line(place: Place, aim: Aim, output: Path, *, config: Path | None) -> str:
    """Return the `sqlrecover` command that does what the plan screen would do."""
    words = ["sqlrecover", "restore"]
    database = place.ref.database if config is not None else None
    if database is not None:
        words += ["-config", str(config), "-replica", place.replica]
    generation = aim.generation
    match aim.target:
        case AtTime(time):
            words += ["-timestamp", format_utc(time)]
        case AtTxid(txid):
            words += ["-txid", f"{txid:016x}"]
        case AtPosition(index, offset, inside):
            generation = inside or generation
            words += ["-index", f"{index:08x}"]
            words += ["-offset", f"{offset:08x}"] if offset is not None else []
    words += ["-generation", generation] if generation else []
    words += ["-nearest"] if aim.nearest else []
    words += ["-to-last-good"] if aim.to_last_good else []
    words += ["-o", str(output), str(database.path) if database is not None else place.url]
    return shlex.join(words)
