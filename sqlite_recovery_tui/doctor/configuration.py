"""What a configuration says that its author did not mean: pure functions of the settings."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations, product
from pathlib import Path

from sqlite_recovery_tui.config import DatabaseConfig, ReplicaConfig, Settings
from sqlite_recovery_tui.config.loading import SECRETS_READABLE
from sqlite_recovery_tui.replica.fleet import same_place
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.words import span

DEFAULT_RETENTION = timedelta(hours=24)
"""Of Litestream, v0.3 and v0.5, and of ours."""


def others_may_read(path: Path) -> bool:
    """Tell whether a file can be read by others than its owner; False for one that cannot be seen."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def examine(settings: Settings, *, is_open: Callable[[Path], bool] = others_may_read) -> Iterator[Check]:
    """Yield every check of a configuration; `is_open` tells which files others may read."""
    yield _keys(settings)
    yield _secrets(settings, is_open)
    yield _paths(settings)
    for database in (*_alone(settings), *_directories(settings)):
        yield _places(database)
        for replica in database.replicas:
            yield retention(replica, f"{database.name} {replica.name}")


def _keys(settings: Settings) -> Check:
    """Tell of keys without effect, and of what else loading found odd."""
    odd = [warning for warning in settings.warnings if SECRETS_READABLE not in warning]
    if not odd:
        return Check("keys", "ok", "every key has an effect")
    return Check(
        "keys",
        "warn",
        "; ".join(odd),
        "a key without effect is a promise that nobody keeps: remove it, or say it in a key that counts",
    )


def _secrets(settings: Settings, is_open: Callable[[Path], bool]) -> Check:
    """Tell of files with secrets that others on this machine may read."""
    in_file = any(SECRETS_READABLE in one for one in settings.warnings)
    files = {str(settings.file)} if in_file else set()
    for database in settings.databases:
        for replica in database.replicas:
            for written in (replica.key_path, replica.sse_customer_key_path):
                if written and is_open(Path(written)):
                    files.add(written)
    if not files:
        return Check("secrets", "ok", "no file with secrets can be read by others")
    listed = " ".join(sorted(files))
    return Check("secrets", "fail", f"others on this machine may read {listed}", f"chmod 600 {listed}")


def _alone(settings: Settings) -> list[DatabaseConfig]:
    """Return the databases that are configured by themselves."""
    return [database for database in settings.databases if database.directory is None]


def _directories(settings: Settings) -> list[DatabaseConfig]:
    """Return each directory as one database that stands for all in it: they have the same settings."""
    return [
        replace(directory.each, name=f"{directory.path}/{directory.pattern}")
        for directory in settings.directories
    ]


def _paths(settings: Settings) -> Check:
    """Tell of replicas that would write into one another; those of one directory never do."""
    alone, directories = _named(_alone(settings)), _named(_directories(settings))
    found = _named([database for database in settings.databases if database.directory is not None])
    pairs = chain(combinations(alone, 2), combinations(directories, 2), product(alone, found))
    shared = [
        f"{one} and {other} ({replica.url})"
        for (one, replica), (other, second) in pairs
        if same_place(replica, second)
    ]
    if not shared:
        return Check("paths", "ok", "every replica has a place of its own")
    return Check(
        "paths",
        "fail",
        f"two replicas write to one place: {'; '.join(shared)}",
        "give each a path of its own: what both have written there may be impossible to restore",
    )


def _named(databases: list[DatabaseConfig]) -> list[tuple[str, ReplicaConfig]]:
    return [(f"{each.name} {replica.name}", replica) for each in databases for replica in each.replicas]


def _places(database: DatabaseConfig) -> Check:
    """Tell whether the loss of one place loses the history."""
    name = f"places of {database.name}"
    if not database.replicas:
        return Check(name, "fail", "there is no replica of it", "add one below replicas")
    if all(replica.type == "file" for replica in database.replicas):
        return Check(
            name,
            "warn",
            "every replica is in a folder of this machine, and lost with it",
            "add one in object storage, or on another machine by sftp",
        )
    places = {_place(replica) for replica in database.replicas}
    if len(places) > 1:
        return Check(name, "ok", " and ".join(sorted(places)))
    return Check(
        name,
        "warn",
        f"all of its history is in one place, {places.pop()}",
        "add a second replica in another region or at another provider, with credentials of its own",
    )


def _place(replica: ReplicaConfig) -> str:
    """Return what is lost together: a machine, or a region of a service."""
    if replica.type == "file":
        return "this machine"
    if replica.type == "sftp":
        return f"sftp {replica.host}"
    if replica.endpoint:
        return f"{replica.endpoint} {replica.region or ''}".rstrip()
    return f"{replica.type} {replica.region or replica.bucket}"


def retention(replica: ReplicaConfig, label: str) -> Check:
    """Say how far back one can go at least, by retention and snapshot interval alone.

    Litestream keeps the snapshots of the time of retention and what follows on the oldest of them: with a
    snapshot less often than that there is one, and right after the next all before it is gone (v0.3.13).
    """
    name = f"retention of {label}"
    kept, every = replica.retention, replica.snapshot_interval
    given = kept if kept is not None else DEFAULT_RETENTION
    if given <= timedelta(0):
        return Check(
            name, "warn", "off: nothing is ever deleted", "see that something else bounds what it costs"
        )
    window, word = _length(given), "" if kept is not None else " (the default)"
    if every and every < given:
        return Check(name, "ok", f"{window}{word}, a snapshot every {_length(every)}")
    between = f"one every {_length(every)}" if every else "only when retention forces one"
    return Check(
        name,
        "warn",
        f"{window}{word}, but snapshots {between}: with Litestream 0.3 the way back shrinks to nothing "
        f"each time the only snapshot is replaced",
        f"set snapshot-interval to a part of it, such as {_length(given / 4)}",
    )


def _length(amount: timedelta) -> str:
    return span(int(amount.total_seconds()))
