"""What a build meets that another route to the same state may avoid."""

from __future__ import annotations

from sqlite_recovery_tui.errors import DamagedError


class Detour(Exception):
    """One object of the route will not do."""

    def __init__(self, key: str, error: DamagedError, note: str, *, certain: bool = True) -> None:
        """Name the object; `error` is raised when there is no way around it, `note` says that one was taken.

        `certain` is False where the object is only in doubt.
        """
        super().__init__(error.message)
        self.key = key
        self.error = error
        self.note = note
        self.certain = certain
