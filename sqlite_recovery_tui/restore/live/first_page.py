"""Page 1 as a live copy has it: the replica's, but for the few bytes by which readers notice an update.

| bytes | field | in the copy |
|---|---|---|
| 18-19 | write and read version | 1, 1: a rollback journal, so that readers need nothing beside the file |
| 24-27 | change counter | goes on by `STEP` with every update; readers drop their caches when it differs |
| 92-95 | counter that the size in the header is valid for | the change counter, where it was that before |
| 40-43 | schema cookie | the replica's, unless readers would not notice by it that the schema differs |
"""

from __future__ import annotations

import struct

COUNTER_STEP = 257
"""SQLite's writers go on by one: no commit of theirs is ever taken for an update of ours. Being odd, it
comes by every number before it comes by one again, so no reader finds the counter of its old cache."""

OWN_BYTES = ((18, 20), (24, 28), (40, 44), (92, 96))
"""Where a live copy may differ from a restored file; nothing outside of them ever does."""

_MASK = 0xFFFFFFFF
VERSIONS = 18
_COUNTER, _COOKIE, _VALID_FOR = 24, 40, 92
_BODY = 100
ROLLBACK_MODE = b"\1\1"


def of_copy(image: bytes, held: bytes, shift: int) -> tuple[bytes, int]:
    """Return page 1 for an update from `held`, the copy's own, to `image`, the replica's, and the new shift.

    `shift` is what the copy's schema cookie is ahead of the replica's.
    """
    page = bytearray(image)
    cookie = (_number(image, _COOKIE) + shift) & _MASK
    before = _number(held, _COOKIE)
    # A database of another history may have the same cookie and another schema; readers that kept the
    # old one would look for tables at pages which are no longer theirs.
    if cookie < before or (cookie == before and image[_BODY:] != held[_BODY:]):
        cookie = (before + 1) & _MASK
    _put(page, _COOKIE, cookie)
    _count(page, held)
    return bytes(page), (cookie - _number(image, _COOKIE)) & _MASK


def touched(held: bytes) -> bytes:
    """Return the copy's page 1 for an update that does not change it otherwise."""
    page = bytearray(held)
    _count(page, held)
    return bytes(page)


def masked(first: bytes) -> bytes:
    """Return page 1 without what may differ between a live copy and a restored file."""
    page = bytearray(first)
    for start, end in OWN_BYTES:
        page[start:end] = bytes(end - start)
    return bytes(page)


def _count(page: bytearray, held: bytes) -> None:
    counter = (_number(held, _COUNTER) + COUNTER_STEP) & _MASK
    # SQLite goes by the header's size only while both are equal: that must not change.
    if _number(page, _VALID_FOR) == _number(page, _COUNTER):
        _put(page, _VALID_FOR, counter)
    elif _number(page, _VALID_FOR) == counter:
        counter = (counter + COUNTER_STEP) & _MASK
    _put(page, _COUNTER, counter)
    page[VERSIONS : VERSIONS + 2] = ROLLBACK_MODE


def _number(page: bytes | bytearray, at: int) -> int:
    number: int = struct.unpack_from(">I", page, at)[0]
    return number


def _put(page: bytearray, at: int, number: int) -> None:
    struct.pack_into(">I", page, at, number)
