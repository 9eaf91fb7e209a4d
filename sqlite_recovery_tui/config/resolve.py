"""Checked sections → settings: defaults handed down, places worked out, names made unique."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.config.daemon import read_daemon
from sqlite_recovery_tui.config.directories import find, matcher
from sqlite_recovery_tui.config.models import (
    DatabaseConfig,
    DirectoryConfig,
    ReplicaConfig,
    Settings,
    default_scratch_dir,
)
from sqlite_recovery_tui.config.options import Changes, read_options
from sqlite_recovery_tui.config.paths import absolute, strip_sqlite_prefix
from sqlite_recovery_tui.config.readers import Place
from sqlite_recovery_tui.config.replicas import UNREADABLE, read_replica, type_of
from sqlite_recovery_tui.config.walk import Notes, Section

_DATABASE_KEYS = (
    "monitor-interval",
    "checkpoint-interval",
    "busy-timeout",
    "min-checkpoint-page-count",
    "max-checkpoint-page-count",
)


@dataclass(frozen=True, slots=True, repr=False)
class _Above:
    """What a replica inherits from the file and its database."""

    top: Section
    snapshots: tuple[Section, ...]
    options: Changes
    environ: Mapping[str, str]
    notes: Notes


def resolve(top: Section, file: Path, environ: Mapping[str, str], notes: Notes) -> Settings:
    """Return the settings that the whole file `top` means; raise ConfigError, add to `notes`."""
    options = read_options(top.section("sqlrecover"), {"scratch_dir": default_scratch_dir(environ)}, environ)
    above = _Above(top, (top.section("snapshot"),), options, environ, notes)
    databases: dict[Path, tuple[Section, DatabaseConfig]] = {}
    directories: list[tuple[Section, DirectoryConfig]] = []
    for section in top.sections("dbs"):
        if "dir" in section:
            directories.append((section, _directory(section, above)))
            continue
        database = _database(section, "path", above)
        if earlier := databases.get(database.path):
            place = earlier[0].place
            raise section.at("path").error(f"the same database as {place.key} in line {place.line}")
        databases[database.path] = section, database
    if not top.sections("dbs"):
        notes.others.append("dbs is empty: no database is configured")
    for section, directory in directories:
        for database in _found(directory, section.at("dir"), notes):
            databases.setdefault(database.path, (section, database))
    found = tuple(database for _, database in databases.values())
    there = tuple(directory for _, directory in directories)
    return Settings(
        file=file, databases=found, directories=there, daemon=read_daemon(top, environ), **options
    )


def _database(section: Section, key: str, above: _Above) -> DatabaseConfig:
    written = section.get(key)
    if written is None:
        raise section.place.error("path is missing: which database is this?")
    options = read_options(section.section("sqlrecover"), above.options, above.environ)
    inherited = replace(above, options=options, snapshots=(section.section("snapshot"), *above.snapshots))
    path = absolute(strip_sqlite_prefix(written), above.environ)
    meta_path = section.get("meta-path")
    return DatabaseConfig(
        path=path,
        name=path.name,
        replicas=tuple(_replicas(section, inherited)),
        written=written,
        meta_path=absolute(meta_path, above.environ) if meta_path else None,
        restore_if_db_not_exists=bool(section.get("restore-if-db-not-exists")),
        **{key.replace("-", "_"): section.get(key) for key in _DATABASE_KEYS},
        **options,
    )


def _directory(section: Section, above: _Above) -> DirectoryConfig:
    place = section.at("dir")
    if "path" in section:
        raise place.error("path and dir exclude one another")
    if "pattern" not in section:
        raise place.error("pattern is missing, which says what files of the directory are databases")
    try:
        matcher(section.get("pattern"))
    except ValueError as error:
        raise section.at("pattern").error(str(error)) from None
    each = _database(section, "dir", above)
    flags = {name: bool(section.get(name)) for name in ("recursive", "watch")}
    return DirectoryConfig(path=each.path, pattern=section.get("pattern"), each=each, **flags)


def _found(directory: DirectoryConfig, place: Place, notes: Notes) -> list[DatabaseConfig]:
    """Return the databases of a directory, and note what keeps them from being seen."""
    where = f"{place.key} (line {place.line})"
    found = list(find(directory, lambda trouble: notes.others.append(f"{where}: {trouble}")))
    if not found and not directory.watch and directory.path.is_dir():
        notes.others.append(f"{where}: no database there has a name like {directory.pattern}")
    return found


def _replicas(section: Section, above: _Above) -> Iterator[ReplicaConfig]:
    """Yield the replicas of a database, each with a name of its own."""
    written = [(one, type_of(one)) for one in _written_replicas(section)]
    taken = _given_names(one for one, _ in written)
    for one, kind in written:
        if kind in UNREADABLE:
            above.notes.others.append(
                f"{one.place.key} (line {one.place.line}): replicas of type {kind} cannot be read; left out"
            )
            continue
        options = read_options(one.section("sqlrecover"), above.options, above.environ)
        replica = read_replica(one, above.top, above.environ, above.notes)
        name = one.get("name") or _free_name(kind, taken)
        yield replace(replica, name=name, **_snapshot_settings(replica, above), **options)


def _written_replicas(section: Section) -> list[Section]:
    if "replica" in section and "replicas" in section:
        raise section.at("replica").error("replica and replicas exclude one another")
    return [section.section("replica")] if "replica" in section else section.sections("replicas")


def _given_names(replicas: Iterator[Section]) -> set[str]:
    lines: dict[str, int] = {}
    for section in replicas:
        name, place = section.get("name"), section.at("name")
        if name in lines:
            raise place.error(f"the same name as in line {lines[name]}; names of replicas must differ")
        if name is not None:
            lines[name] = place.line
    return set(lines)


def _free_name(kind: str, taken: set[str]) -> str:
    """Return the type as a name, `s3`, `s3-2` and so on, and take it."""
    name, number = kind, 1
    while name in taken:
        number += 1
        name = f"{kind}-{number}"
    taken.add(name)
    return name


def _snapshot_settings(replica: ReplicaConfig, above: _Above) -> dict[str, Any]:
    """Return retention and snapshot interval: the replica's own (v0.3), else of `snapshot` (v0.5)."""

    def first(name: str) -> Any:
        return next((found for one in above.snapshots if (found := one.get(name)) is not None), None)

    return {
        "retention": replica.retention if replica.retention is not None else first("retention"),
        "snapshot_interval": replica.snapshot_interval
        if replica.snapshot_interval is not None
        else first("interval"),
    }
