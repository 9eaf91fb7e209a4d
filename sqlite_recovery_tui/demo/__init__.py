"""A sample incident to explore, its history made by the replication engine and, for v0.5, a small writer."""

from sqlite_recovery_tui.demo.incident import DEFAULT_DIRECTORY, DemoIncident, build

__all__ = ["DEFAULT_DIRECTORY", "DemoIncident", "build"]
