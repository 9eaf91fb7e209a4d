"""Names of the Litestream v0.5 layout: levels and ranges of transactions.

A name counts only in its exact spelling, as Litestream itself lists it; everything else in a replica
is somebody else's object. Most stores have `ltx/LEVEL/MIN-MAX.ltx` with a decimal level, S3 has
`LLLL/MIN-MAX.ltx` with four hex digits, and a leading `/` or `./` when the replica's path is empty, `//`
when it is `/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ROOT = "ltx/"
SNAPSHOT_LEVEL = 9
"""The level of whole databases; 0 has one file per sync, 1 to 8 are compactions."""
LEVELS = range(SNAPSHOT_LEVEL + 1)
MAX_TXID = 2**64 - 1

_OBJECT = re.compile(
    r"(?:ltx/(?P<decimal>[0-9])|(?:\./|//?)?000(?P<hex>[0-9]))"
    r"/(?P<min>[0-9a-f]{16})-(?P<max>[0-9a-f]{16})\.ltx"
)


@dataclass(frozen=True, slots=True)
class LtxName:
    """What a key names: the file of `level` with transactions `min_txid` to `max_txid`."""

    level: int
    min_txid: int
    max_txid: int


def parse_key(key: str) -> LtxName | None:
    """Return what `key` (relative to the replica's root) names, or None for any other object."""
    match = _OBJECT.fullmatch(key)
    if match is None:
        return None
    decimal, hexadecimal, low, high = match.groups()
    name = LtxName(int(decimal or hexadecimal), int(low, 16), int(high, 16))
    return name if 1 <= name.min_txid <= name.max_txid else None


def file_name(min_txid: int, max_txid: int) -> str:
    """Return the last part of a file's key."""
    return f"{min_txid:016x}-{max_txid:016x}.ltx"


def file_prefix(level: int) -> str:
    """Return the folder of a level on every store but S3."""
    return f"{ROOT}{level}/"


def s3_prefix(level: int) -> str:
    """Return the folder of a level on S3."""
    return f"{level:04x}/"


def sibling_folder(key: str, level: int) -> str:
    """Return the folder of `level` in the layout that the file's `key` is of."""
    if key.startswith(ROOT):
        return file_prefix(level)
    odd, _, _ = key.partition("000")  # "/" or "./" where the replica's path is empty
    return odd + s3_prefix(level)


def file_key(level: int, min_txid: int, max_txid: int) -> str:
    """Return the key of a file on every store but S3."""
    return file_prefix(level) + file_name(min_txid, max_txid)


def s3_key(level: int, min_txid: int, max_txid: int) -> str:
    """Return the key of a file on S3, for a replica whose path is not empty."""
    return s3_prefix(level) + file_name(min_txid, max_txid)
