"""Where in a statement something is wrong, for people."""

from __future__ import annotations

_SHOWN = 60


def mark(sql: str, offset: int) -> tuple[str, str]:
    """Return the line of `sql` that has byte `offset` (UTF-8), shortened, and what of it comes before."""
    before = sql.encode("utf-8", "replace")[: max(0, offset)].decode("utf-8", "ignore")
    start = before.rfind("\n") + 1
    end = sql.find("\n", len(before))
    line, column = sql[start : end if end >= 0 else len(sql)], len(before) - start
    first = max(0, column - _SHOWN // 2)
    lead = "…" if first else ""
    tail = "…" if first + _SHOWN < len(line) else ""
    return f"{lead}{line[first : first + _SHOWN]}{tail}", f"{lead}{line[first:column]}"


def place(sql: str, offset: int) -> str:
    """Return in words where byte `offset` of `sql` is: `line 2, column 7: … FROM ▸x y`."""
    shown, before = mark(sql, offset)
    lines = sql.encode("utf-8", "replace")[: max(0, offset)].decode("utf-8", "ignore").split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}: {before}▸{shown[len(before) :]}"
