"""SQL that sends the beginning of a value whatever its size, so that a huge cell is never loaded for show."""

from __future__ import annotations

from typing import Any

from sqlite_recovery_tui.sqlite.messages import Limits

WHOLE_BYTES = 4 << 20
"""Values above this many bytes are not loaded by SQL; incremental I/O reads their beginning."""

_FEWEST_BYTES = 24
_PAGE_BYTES = 6 << 20
_MOST_CELLS = 200_000


def expression(value: str, cell_bytes: int, whole_bytes: int = WHOLE_BYTES) -> str:
    """Return SQL that yields numbers as they are, and `t` or `b`, size, colon, hex for text and blobs.

    `value` is evaluated several times: it must be a column. Of one above `whole_bytes` only the size is
    sent. Hexadecimal keeps NUL, invalid UTF-8 and both kinds of UTF-16 intact on the way.
    """
    beginning = f"hex(substr(CAST({value} AS BLOB), 1, {cell_bytes}))"
    size = f"octet_length({value})"
    shown = f"{size} || ':' || CASE WHEN {size} <= {whole_bytes} THEN {beginning} ELSE '' END"
    text, blob = f"WHEN 'text' THEN 't' || {shown}", f"WHEN 'blob' THEN 'b' || {shown}"
    return f"CASE typeof({value}) {text} {blob} ELSE {value} END"


def fit(limits: Limits, rows: int, columns: int) -> tuple[int, int]:
    """Return how many rows fit into a reply, and how many bytes of each cell."""
    rows = max(1, min(rows, _MOST_CELLS // max(1, columns)))
    share = _PAGE_BYTES // (rows * max(1, columns))
    return rows, max(_FEWEST_BYTES, min(limits.cell_bytes, share))


def first_columns(limits: Limits, names: list[str]) -> tuple[list[str], list[str]]:
    """Return the columns that are sent, and what to say of the rest."""
    if len(names) <= limits.columns:
        return names, []
    return names[: limits.columns], [f"the first {limits.columns} of {len(names)} columns"]


def page(
    encoding: str,
    *,
    columns: list[str],
    rows: list[list[Any]],
    first: int,
    has_more: bool,
    notices: list[str],
) -> dict[str, Any]:
    """Return what `messages.decode_page` reads."""
    return {
        "columns": columns,
        "rows": rows,
        "first": first,
        "has_more": has_more,
        "notice": "; ".join(each for each in notices if each),
        "encoding": encoding,
    }
