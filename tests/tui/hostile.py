"""Text that has ended or garbled terminal programs before; every screen is shown all of it."""

from __future__ import annotations

HOSTILE = (
    "[/]",
    "[b",
    "[type=x, v={'a[0]'}]",
    "[@click=app.quit]x[/]",
    "nul\0nul",
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;aGFja2Vk\x07",
    "\x9b31mred",
    "abc\u202egnp.exe",
    "zero\u200bwidth\u2066\ufeff",
    "\ud800lone",
    "表格データ한국어",
    "e" + "\u0301" * 500,
    "line\nbreak\r\n\ttab\x7f\x85\u2028end",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "🇩🇪👍🏽",
    "שלום مرحبا",
    "x" * 1_000_000,
)
"""Markup, escapes, controls, direction overrides, wide, combining and broken characters, and a lot."""

FORBIDDEN = frozenset(
    {
        *map(chr, range(0x20)),
        *map(chr, range(0x7F, 0xA0)),
        *"\u2028\u2029\u200e\u200f\u061c\ufeff\u200b\u200c\u200d",
    }
    | {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
)
"""What no terminal may ever be sent as text."""


def offending(shown: str) -> set[str]:
    """Return the characters of `shown` that must not reach a terminal."""
    return {character for character in shown if character in FORBIDDEN or "\ud800" <= character <= "\udfff"}
