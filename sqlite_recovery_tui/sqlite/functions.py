"""The functions that SQL may call in an inspection, by name."""

from __future__ import annotations

from sqlite_recovery_tui.sqlite.guard import is_allowed_function


def function_names() -> tuple[str, ...]:
    """Return every function with a name of letters, in order; no database is opened for it."""
    import apsw

    connection = apsw.Connection(":memory:")
    try:
        rows = connection.execute(
            "SELECT DISTINCT name FROM pragma_function_list WHERE name GLOB '[a-z]*' ORDER BY name"
        ).fetchall()
    finally:
        connection.close()
    return tuple(name for (raw,) in rows if is_allowed_function(name := str(raw)))
