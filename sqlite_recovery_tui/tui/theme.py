"""The house themes: one dark, one light, and one that colour-blind eyes can read.

The only place with colour values; everything else names roles (`$success`, `$text-muted`).
"""

from __future__ import annotations

from textual.theme import Theme

NIGHT = Theme(
    name="sqlrecover-night",
    primary="#5ab0f6",
    secondary="#3b6ea5",
    accent="#f0b45b",
    success="#5fd38d",
    warning="#f0b45b",
    error="#ff6b6b",
    foreground="#d7e0ea",
    background="#0c131b",
    surface="#111a24",
    panel="#182432",
    dark=True,
    variables={
        "border": "#2b4058",
        "border-blurred": "#1f2f41",
        "block-cursor-text-style": "none",
        "input-selection-background": "#5ab0f6 35%",
        "scrollbar": "#24374c",
        "scrollbar-hover": "#33506e",
        "scrollbar-active": "#5ab0f6",
        "scrollbar-background": "#0c131b",
        "scrollbar-background-hover": "#0c131b",
        "scrollbar-background-active": "#0c131b",
        "scrollbar-corner-color": "#0c131b",
    },
)

DAY = Theme(
    name="sqlrecover-day",
    primary="#1f5fa8",
    secondary="#5b7fa6",
    accent="#9a5b00",
    success="#14753c",
    warning="#9a5b00",
    error="#b3202c",
    foreground="#1a2430",
    background="#f7f9fb",
    surface="#eef2f6",
    panel="#e1e8ef",
    dark=False,
    variables={
        "border": "#9db2c8",
        "border-blurred": "#c8d4e0",
        "block-cursor-text-style": "none",
    },
)

CLEAR = Theme(
    name="sqlrecover-clear",
    primary="#56b4e9",
    secondary="#0072b2",
    accent="#f0e442",
    success="#56b4e9",
    warning="#f0e442",
    error="#ff8c42",
    foreground="#f2f2f2",
    background="#000000",
    surface="#0d0d0d",
    panel="#1c1c1c",
    dark=True,
    variables={
        "border": "#6a6a6a",
        "border-blurred": "#3a3a3a",
        "block-cursor-text-style": "none",
    },
)
"""Blue, yellow and orange stay apart in every common colour blindness; the contrast is at least 7:1."""

THEMES = (NIGHT, DAY, CLEAR)
