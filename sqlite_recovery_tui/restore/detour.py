"""What a build meets that another route to the same state may avoid."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replica.route import Route


class Detour(Exception):
    """Objects of the route that will not do."""

    def __init__(
        self,
        avoid: Mapping[str, str],
        error: RecoverError,
        *,
        certain: bool = True,
        is_whole: bool = False,
        shorter: Route | None = None,
        causes: tuple[str, ...] = (),
    ) -> None:
        """Name the objects, each with a note that says it was avoided; `error` is for when there is no way.

        `certain` is False where an object is only in doubt. `is_whole`: the error takes what was avoided
        before into account. `shorter` leads to the newest earlier state without the objects, for whom
        that will do; `causes` say what is wrong with them.
        """
        super().__init__(error.message)
        self.avoid = dict(avoid)
        self.error = error
        self.certain = certain
        self.is_whole = is_whole
        self.shorter = shorter
        self.causes = causes
