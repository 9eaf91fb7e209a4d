"""Loading the configuration file; every fault is one `ConfigError` with file and line.

The text of the file holds secrets: it lives in no exception, and in no frame of a traceback.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlite_recovery_tui.config.environment import Expanded, Unset, expand, unexpanded
from sqlite_recovery_tui.config.models import Settings
from sqlite_recovery_tui.config.nodes import Scalar, parse
from sqlite_recovery_tui.config.paths import absolute
from sqlite_recovery_tui.config.readers import Place, is_null
from sqlite_recovery_tui.config.resolve import resolve
from sqlite_recovery_tui.config.schema import TOP
from sqlite_recovery_tui.config.secret import forget_locals
from sqlite_recovery_tui.config.walk import Notes, walk
from sqlite_recovery_tui.errors import ConfigError

MOST_BYTES = 256 << 10
_MOST_EXPANDED = 1 << 20
SECRETS_READABLE = "holds secrets and others may read it"
"""Begins the warning of a file that only its owner should be able to read."""


def load(file: Path, *, environ: Mapping[str, str] = os.environ, expand_env: bool = True) -> Settings:
    """Return the settings in `file`, a `litestream.yml` of v0.3 or v0.5 with or without our additions.

    `$NAME` and `${NAME}` are replaced from `environ` as Litestream does it, unless `expand_env` is
    False. Raise ConfigError.
    """
    try:
        return _load(file, environ, expand_env)
    except Exception as error:
        del environ
        forget_locals(error)
        raise


def _load(file: Path, environ: Mapping[str, str], expand_env: bool) -> Settings:
    name = str(file)
    path = absolute(name, environ)
    source, mode = _read(path, name)
    text = _expanded(source, name, environ) if expand_env else unexpanded(source)
    notes = Notes()
    root = parse(text, name)
    if root is None or (isinstance(root, Scalar) and is_null(root)):
        raise ConfigError("the file is empty", file=name, hint="see config.example.yml for what it may hold")
    top = walk(root, TOP, Place(name, 1, ""), notes)
    settings = resolve(top, path, environ, notes)
    return replace(settings, warnings=tuple(_warnings(name, notes, text.unset, mode)))


def _read(path: Path, name: str) -> tuple[str, int]:
    """Return the text and the mode of a file."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MOST_BYTES + 1)
    except IsADirectoryError:
        raise ConfigError("this is a directory, not a configuration file", file=name) from None
    except FileNotFoundError:
        raise ConfigError("no such file", file=name, hint="name another with --config") from None
    except (OSError, ValueError) as error:  # ValueError: no path at all, a NUL in it
        reason = (getattr(error, "strerror", None) or "not a path").lower()
        raise ConfigError(f"cannot be read: {reason}", file=name) from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"larger than {MOST_BYTES >> 10} KiB: is this a configuration file?", file=name)
    return _text(data, name), mode


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    raise ConfigError("not UTF-8 text", file=name, line=line)


def _expanded(source: str, name: str, environ: Mapping[str, str]) -> Expanded:
    text = expand(source, environ)
    if len(text.text) > _MOST_EXPANDED:
        raise ConfigError("environment variables make this larger than 1 MiB", file=name)
    return text


def _warnings(name: str, notes: Notes, unset: tuple[Unset, ...], mode: int) -> list[str]:
    """Return what the operator should know, one line each."""
    found = list(notes.others)
    if notes.unused:
        found.append(f"keys of Litestream that have no effect here: {_listed(notes.unused)}")
    if notes.since.get("v0.5") and (old := notes.since.get("v0.3")):
        found.append(f"keys that Litestream v0.5 does not know any more: {_listed(old)}")
    if unset:
        found.append(f"environment variables that are not set count as empty: {_listed_unset(unset)}")
    if notes.secrets_in_file and mode & (stat.S_IRGRP | stat.S_IROTH):
        found.append(f"{SECRETS_READABLE} (mode {mode & 0o777:04o}): chmod 600")
    return [f"{name}: {warning}" for warning in found]


def _listed(keys: Mapping[str, int]) -> str:
    return ", ".join(f"{key} (line {line})" for key, line in keys.items())


def _listed_unset(unset: tuple[Unset, ...]) -> str:
    return ", ".join(f"{one.name or '$…'} (line {one.line})" for one in unset)
