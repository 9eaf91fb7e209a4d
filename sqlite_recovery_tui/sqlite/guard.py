"""What statements may do on an untrusted database: read rows, call functions, ask harmless PRAGMAs."""

from __future__ import annotations

import apsw

_FORBIDDEN_FUNCTIONS = frozenset(
    ("edit", "fsdir", "fts3_tokenizer", "load_extension", "lsmode", "readfile", "writefile", "zipfile")
)
_PRAGMAS = frozenset(
    (
        "application_id",
        "auto_vacuum",
        "cache_size",
        "cell_size_check",
        "collation_list",
        "compile_options",
        "data_version",
        "database_list",
        "encoding",
        "foreign_keys",
        "freelist_count",
        "function_list",
        "journal_mode",
        "max_page_count",
        "mmap_size",
        "module_list",
        "page_count",
        "page_size",
        "pragma_list",
        "query_only",
        "schema_version",
        "synchronous",
        "temp_store",
        "trusted_schema",
        "user_version",
    )
)
_PRAGMAS_WITH_NAME = frozenset(
    (
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    )
)
_READS = frozenset((apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_RECURSIVE))
_WRITES = {
    apsw.SQLITE_INSERT: "INSERT into",
    apsw.SQLITE_UPDATE: "UPDATE of",
    apsw.SQLITE_DELETE: "DELETE from",
}
# An R-Tree prepares its own writes to these tables as soon as it is opened. They cannot run: the file is
# read-only, the connection is query_only, and defensive mode keeps SQL away from shadow tables.
_RTREE_SHADOWS = ("_node", "_parent", "_rowid")


class Guard:
    """An authorizer for SQLite that remembers what it denied last, in words."""

    def __init__(self) -> None:
        self.denied = ""

    def __call__(
        self, operation: int, first: str | None, second: str | None, database: str | None, _: str | None
    ) -> int:
        """Allow reading, deny the rest (SQLite C interface, `sqlite3_set_authorizer`)."""
        reason = self._reason(operation, first or "", second, database)
        if reason:
            self.denied = reason
            return apsw.SQLITE_DENY
        return apsw.SQLITE_OK

    def _reason(self, operation: int, first: str, second: str | None, database: str | None) -> str:
        if operation in _READS:
            return ""
        if operation == apsw.SQLITE_FUNCTION:
            return "" if is_allowed_function(second or "") else f"the function {second}()"
        if operation == apsw.SQLITE_PRAGMA:
            return "" if _is_reading_pragma(first.lower(), second) else f"PRAGMA {first}"
        if operation in _WRITES:
            harmless = database == "main" and first.lower().endswith(_RTREE_SHADOWS)
            return "" if harmless else f"{_WRITES[operation]} {first}"
        name = str(apsw.mapping_authorizer_function.get(operation, operation))
        return name.removeprefix("SQLITE_").replace("_", " ")


def is_allowed_function(name: str) -> bool:
    """Tell whether a statement may call a function of this name."""
    return name.lower() not in _FORBIDDEN_FUNCTIONS


def _is_reading_pragma(name: str, value: str | None) -> bool:
    return name in _PRAGMAS_WITH_NAME or (name in _PRAGMAS and value is None)
