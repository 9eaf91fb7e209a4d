"""What the configuration says of the daemon as a whole: Litestream's keys at the top, ours beside them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlite_recovery_tui.config.models import DaemonConfig
from sqlite_recovery_tui.config.paths import absolute
from sqlite_recovery_tui.config.walk import Section

_LEVELS = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
}
_LEAST_SPOOL = 16 << 20
_LEAST_PAUSE = timedelta(seconds=1)
_LONGEST_SOCKET = 100
"""Bytes; the address of a Unix socket holds 108."""


def read_daemon(top: Section, environ: Mapping[str, str]) -> DaemonConfig:
    """Return the daemon's settings from the top of the file; raise ConfigError."""
    own, logging = top.section("sqlrecover"), top.section("logging")
    ours = {
        "addr": _address(top),
        "command": top.get("exec"),
        "log_level": _level(logging),
        "log_json": logging.get("type") == "json" or None,
        "control_socket": _socket(own, environ),
        "shutdown_sync_timeout": _timeout(own) or _timeout(top),
        "spool_max": _at_least(own, "spool-max", _LEAST_SPOOL, "16MiB"),
        "uploads": _at_least(own, "uploads", 1, "1"),
        "snapshots": _at_least(own, "snapshots", 1, "1"),
        **_drill(own),
    }
    return DaemonConfig(**{name: value for name, value in ours.items() if value is not None})


def _drill(own: Section) -> dict[str, Any]:
    drill = own.section("drill")
    every: timedelta | None = drill.get("every")
    if every is not None and every < _LEAST_PAUSE:
        raise drill.at("every").error(f"expected no less than {_LEAST_PAUSE.total_seconds():.0f}s")
    webhook: str | None = drill.get("webhook")
    return {"drill_every": every, "drill_at": drill.get("at"), "drill_webhook": webhook}


def _address(top: Section) -> str | None:
    written: str | None = top.get("addr")
    if written is None:
        return None
    _, colon, port = written.rpartition(":")
    if not colon or not port.isdecimal() or int(port) >= 1 << 16:
        raise top.at("addr").error("expected HOST:PORT, or :PORT for every interface")
    return written


def _level(logging: Section) -> str | None:
    written: str | None = logging.get("level")
    if written is None:
        return None
    if written.lower() not in _LEVELS:
        raise logging.at("level").error("expected debug, info, warn or error")
    return _LEVELS[written.lower()]


def _socket(own: Section, environ: Mapping[str, str]) -> Any:
    written: str | None = own.get("control-socket")
    if written is None:
        return None
    path = absolute(written, environ)
    if len(str(path).encode(errors="surrogateescape")) > _LONGEST_SOCKET:
        raise own.at("control-socket").error(
            f"longer than {_LONGEST_SOCKET} bytes, which no socket's path may be"
        )
    return path


def _timeout(section: Section) -> timedelta | None:
    given: timedelta | None = section.get("shutdown-sync-timeout")
    if given is not None and given < timedelta(0):
        raise section.at("shutdown-sync-timeout").error("expected no less than 0s")
    return given


def _at_least(own: Section, name: str, least: int, shown: str) -> int | None:
    given: int | None = own.get(name)
    if given is not None and given < least:
        raise own.at(name).error(f"expected at least {shown}")
    return given
