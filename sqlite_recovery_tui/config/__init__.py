"""Configuration: a superset of Litestream's `litestream.yml` (v0.3 and v0.5), and replica URLs."""

from sqlite_recovery_tui.config.durations import parse_duration, parse_size
from sqlite_recovery_tui.config.loading import load
from sqlite_recovery_tui.config.models import (
    DEFAULT_MEMORY_BYTES,
    Assertion,
    DaemonConfig,
    DatabaseConfig,
    DirectoryConfig,
    Options,
    ReplicaConfig,
    Settings,
    Threshold,
    Thresholds,
)
from sqlite_recovery_tui.config.search import find
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.config.urlparts import is_url
from sqlite_recovery_tui.config.urls import replica_from_url

__all__ = [
    "DEFAULT_MEMORY_BYTES",
    "Assertion",
    "DaemonConfig",
    "DatabaseConfig",
    "DirectoryConfig",
    "Options",
    "ReplicaConfig",
    "Secret",
    "Settings",
    "Threshold",
    "Thresholds",
    "find",
    "is_url",
    "load",
    "parse_duration",
    "parse_size",
    "replica_from_url",
]
