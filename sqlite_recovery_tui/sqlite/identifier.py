"""Names of tables, columns and indexes as SQL takes them; imports nothing, for the child process."""

from __future__ import annotations


def quote(name: str) -> str:
    """Return any name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
