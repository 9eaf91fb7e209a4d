"""The house themes: dark, light, one that colour-blind eyes can read, the terminal's own colours, and none.

The only place with colour values; everything else names roles (`$success`, `$text-muted`).
"""

from __future__ import annotations

from collections.abc import Sequence

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

_OWN_VARIABLES = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "block-cursor-foreground": "ansi_default",
    "block-cursor-background": "ansi_default",
    "input-cursor-foreground": "ansi_default",
    "input-cursor-background": "ansi_default",
    "input-selection-foreground": "ansi_default",
    "input-selection-background": "ansi_bright_black",
    "screen-selection-foreground": "ansi_default",
    "screen-selection-background": "ansi_bright_black",
    "block-cursor-text-style": "reverse",
    "input-cursor-text-style": "reverse",
    "scrollbar": "ansi_bright_black",
    "scrollbar-hover": "ansi_white",
    "scrollbar-active": "ansi_white",
    "scrollbar-background": "ansi_default",
    "scrollbar-background-hover": "ansi_default",
    "scrollbar-background-active": "ansi_default",
    "scrollbar-corner-color": "ansi_default",
}


def _of_the_terminal(name: str, colours: Sequence[str], border: str) -> Theme:
    """Return a theme on the terminal's own background, with colours for each role but the ground."""
    primary, secondary, accent, success, warning, error = colours
    return Theme(
        name=name,
        primary=primary,
        secondary=secondary,
        accent=accent,
        success=success,
        warning=warning,
        error=error,
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        ansi=True,
        variables={**_OWN_VARIABLES, "border": border, "border-blurred": border},
    )


TERMINAL = _of_the_terminal(
    "sqlrecover-terminal",
    ("ansi_blue", "ansi_cyan", "ansi_yellow", "ansi_green", "ansi_yellow", "ansi_red"),
    "ansi_bright_black",
)
"""The terminal's own sixteen colours, whatever its owner made of them."""

MONO = _of_the_terminal("sqlrecover-mono", ("ansi_default",) * 6, "ansi_default")
"""No colour at all: bold, reverse and underlined only; what `NO_COLOR` begins with."""

THEMES = (NIGHT, DAY, CLEAR, TERMINAL, MONO)
PREFIX = "sqlrecover-"
