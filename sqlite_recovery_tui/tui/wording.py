"""Words of the engine as the console says them: times to the second, and no options of the command line."""

from __future__ import annotations

import re

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import phrases

_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")
_LENGTH = re.compile(r"(?<![\w.,:])(\d[\d,]*(?:\.\d+)?) s(?= (?:before|after|newer) )")
_OPTIONS: tuple[tuple[str, str], ...] = (
    (r"leave the time out or add --nearest to take the newest", "take the newest"),
    (r"add --nearest to take", "take"),
    (r"restore up to ([^;]+) with --to-last-good", r"restore up to \1"),
    (r"--to-last-good restores (?:up to )?", "a restore can end at "),
    (r", (?:choose another -o, )?or add --force \(it is kept[^)]*\)", " or choose another file"),
    (r"(?:choose|follow into) another(?: file with)? -o(?:, or (?:add|restore anew over it with) --?force)?"
     r"(?: to replace it)?", "choose another file"),
    (r"choose -o on another", "choose a file on another"),
    (r"choose -o\b", "choose another file"),
    (r" (?:itself )?with -o\b", ""),
    (r"ask for -index ([0-9a-f]+|X) without -offset", r"choose the end of WAL \1"),
    (r"name a (?:position with -generation, -index and -offset|TXID with -txid), or a time with -timestamp",
     "choose a line of its listing, or a time"),
    (r"name (one|another) with --config", r"name \1"),
    (r"run again with -vv for details", "the log (ctrl+l) may say more"),
    (r" with --dir\b", ""),
    (r" with -from and -to\b", ""),
    (r"or leave -from out to begin", "or begin"),
    (r"the same command goes on", "the same restore goes on"),
)  # fmt: skip
_SUBSTITUTES = tuple((re.compile(pattern), words) for pattern, words in _OPTIONS)


def words(said: object) -> str:
    """Return what the engine said, or the message of an error, in the console's words."""
    shown = _MOMENT.sub(r"\1 \2Z", str(said))
    shown = _LENGTH.sub(lambda found: phrases.seconds(float(found[1].replace(",", ""))), shown)
    for pattern, substitute in _SUBSTITUTES:
        shown = pattern.sub(substitute, shown)
    return shown


def hint(error: RecoverError) -> str:
    """Return what to do about an error, in the console's words."""
    return words(error.hint)
