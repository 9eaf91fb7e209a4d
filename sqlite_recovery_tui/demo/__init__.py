"""A sample incident to explore, and the small writers that its history is made with."""

from sqlite_recovery_tui.demo.incident import DEFAULT_DIRECTORY, DemoIncident, build

__all__ = ["DEFAULT_DIRECTORY", "DemoIncident", "build"]
