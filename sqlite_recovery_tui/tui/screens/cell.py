"""One value of a row, as whole as it was sent: text as lines, blobs in hexadecimal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import Cell


def cell_dialog(column: str, cell: Cell) -> TextDialog:
    """Return a dialog that shows `cell` of `column`."""
    size = f" of {phrases.size(cell.size_bytes)}" if cell.size_bytes else ""
    title = f"{text.safe(column, 60)}: {cell.type}{size}"
    rows: list[Content | str] = list(_rows(cell))
    if cell.truncated:
        rows.append(text.line(("▲ only the beginning was read", "$text-warning")))
    return TextDialog(title, rows, copy=cell.text)


def _rows(cell: Cell) -> Iterator[Content | str]:
    if isinstance(cell.value, bytes):
        yield from _hex(cell.value)
    elif cell.value is None:
        yield text.line(("NULL", f"italic {text.MUTED}"))
    else:
        yield from text.safe_lines(cell.value)


def _hex(data: bytes) -> Iterator[str]:
    for offset in range(0, len(data), 16):
        piece = data[offset : offset + 16]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
        yield f"{offset:08x}  {piece.hex(' '):<47}  {shown}"
