"""What an application would have registered before it opened the database, and this process has not."""

from __future__ import annotations

import apsw

from sqlite_recovery_tui.sqlite.child.failure import missing_part
from sqlite_recovery_tui.sqlite.child.session import Session

_MOST_FUNCTIONS = 200
# A walk over the pages meets each once: a large cache would only cost memory.
_WALK_CACHE = 8 << 20


class StandIns:
    """A connection on which every collation and function is there, the missing ones without meaning.

    With it the pages of a database can be checked whatever its application has registered; what depends on
    the meaning, such as the order of an index, cannot.
    """

    def __init__(self, session: Session) -> None:
        self.connection = session.open(cache_bytes=_WALK_CACHE)
        self.connection.collation_needed(self._add_collation)
        self.names: list[tuple[str, str]] = []

    def run(self, sql: str) -> list[str]:
        """Run a check and return its messages, registering functions until it is content."""
        while True:
            try:
                return [str(row[0]) for row in self.connection.execute(sql)]
            except apsw.SQLError as error:
                if not self._add_function(error):
                    raise

    def _add_collation(self, connection: apsw.Connection, name: str) -> None:
        self.names.append(("collation", name))
        connection.create_collation(name, lambda left, right: (left > right) - (left < right))

    def _add_function(self, error: apsw.SQLError) -> bool:
        part = missing_part(error)
        if not part or part[0] != "function" or part in self.names or len(self.names) > _MOST_FUNCTIONS:
            return False
        self.names.append(part)
        self.connection.create_scalar_function(
            part[1], lambda *_: None, deterministic=True, flags=apsw.SQLITE_INNOCUOUS
        )
        return True
