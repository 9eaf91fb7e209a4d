"""A slow second reading of Litestream v0.5 replicas, to judge the engine by; it shares no code with it.

`read` decodes one LTX file with every check that the format allows, `plan` chooses files as Litestream
0.5.17 does, `merge` lays them over one another. `write` and `reseal` make files, also false ones.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import lz4.block
import lz4.frame
from fastcrc import crc64

HEADER_BYTES = 100
TRAILER_BYTES = 16
MOST_PAGE_BYTES = 65536
FIRST_TIME, LAST_TIME = -62_135_596_800_000, 253_402_300_799_999
"""The milliseconds that a calendar of four-digit years has."""
SEAL = 1 << 63
NO_CHECKSUMS = 2
SNAPSHOTS = 9
_FIELDS = struct.Struct(">4sIIIQQqQqqIIQ")
_FRAME_END = bytes(4)
FRAME_START = bytes.fromhex("04224d186440a7")
"""How LZ4 frames begin that Litestream before 0.5.16 wrote: blocks of 64 KiB, a checksum of the content."""
_FILES = re.compile(r"(?:^|/)ltx/([0-9])/([0-9a-f]{16})-([0-9a-f]{16})\.ltx$")
_OBJECTS = re.compile(r"(?:^|/)([0-9a-f]{4})/([0-9a-f]{16})-([0-9a-f]{16})\.ltx$")


class Damaged(ValueError):
    """An LTX file breaks a rule of its format, or a set of files makes no database."""


class NoPlan(LookupError):
    """No set of files reaches what was asked for."""


@dataclass(frozen=True)
class Ltx:
    """The content of one LTX file."""

    page_size: int
    commit: int
    """Size of the database after this file, in pages."""
    min_txid: int
    max_txid: int
    timestamp: int
    """Milliseconds since 1970."""
    pages: Mapping[int, bytes]
    flags: int = NO_CHECKSUMS
    pre_apply: int = 0
    wal_offset: int = 0
    wal_size: int = 0
    salt1: int = 0
    salt2: int = 0
    node: int = 0
    encodings: frozenset[int] = frozenset()
    """The page flags met: 1 for sized blocks, 0 for frames."""

    @property
    def time(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.timestamp)

    @property
    def header(self) -> bytes:
        """The first 100 bytes of the file."""
        return _FIELDS.pack(
            b"LTX1",
            self.flags,
            self.page_size,
            self.commit,
            self.min_txid,
            self.max_txid,
            self.timestamp,
            self.pre_apply,
            self.wal_offset,
            self.wal_size,
            self.salt1,
            self.salt2,
            self.node,
        ) + bytes(HEADER_BYTES - _FIELDS.size)


@dataclass(frozen=True)
class Stored:
    """An LTX file as a listing shows it, and where its bytes are."""

    level: int
    min_txid: int
    max_txid: int
    time: datetime
    path: Path = field(compare=False)

    @property
    def name(self) -> str:
        return f"{self.min_txid:016x}-{self.max_txid:016x}.ltx"

    @property
    def ltx(self) -> Ltx:
        """The decoded content; its header must say what its name says."""
        ltx = _decoded(self.path, self.path.stat().st_mtime_ns, self.path.stat().st_size)
        if (ltx.min_txid, ltx.max_txid) != (self.min_txid, self.max_txid):
            raise Damaged(f"{self.path.name} holds {ltx.min_txid:x}-{ltx.max_txid:x}")
        return ltx


def lock_page(page_size: int) -> int:
    """Return the number of the page over the byte at 1 GiB, which never holds data."""
    return 0x40000000 // page_size + 1


def read(data: bytes) -> Ltx:
    """Decode an LTX file; raise Damaged for anything that the format does not allow."""
    ltx, end = _read_pages(data, _read_header(data))
    _check_shape(ltx)
    index_end = len(data) - TRAILER_BYTES
    if data[end:index_end] != _index(_walk(data)):
        raise Damaged("the page index is not that of the pages")
    post_apply, seal = struct.unpack_from(">QQ", data, index_end)
    if not _is_post_apply(post_apply, ltx):
        raise Damaged("a post-apply checksum that the header or the pages contradict")
    if seal != _checksum(data):
        raise Damaged("the file checksum does not hold")
    return ltx


def write(ltx: Ltx, *, encoding: int = 1) -> bytes:
    """Return the file of `ltx`, sealed; `encoding` 1 writes sized blocks, 0 frames as older writers did.

    Where the flags promise a checksum of the database, it is that of the pages.
    """
    out = bytearray(ltx.header)
    places: list[tuple[int, tuple[int, int]]] = []
    for number, page in sorted(ltx.pages.items()):
        start = len(out)
        out += struct.pack(">IH", number, encoding)
        if encoding:
            block = lz4.block.compress(page, store_size=False)
            out += struct.pack(">I", len(block)) + block
        else:
            out += _frame(page)
        places.append((number, (start, len(out) - start)))
    out += bytes(6)
    out += _index(places)
    post_apply = 0 if ltx.flags & NO_CHECKSUMS else database_checksum(ltx.pages)
    return reseal(bytes(out) + struct.pack(">QQ", post_apply, 0))


def database_checksum(pages: Mapping[int, bytes]) -> int:
    """Return the checksum of a database, which a file carries where its flags say so."""
    total = 0
    for number, page in pages.items():
        total ^= int(crc64.go_iso(struct.pack(">I", number) + page))
    return total | SEAL


def frames(data: bytes) -> list[tuple[int, tuple[int, int]]]:
    """Return the page frames as they lie in the file: number, offset and length."""
    return list(_walk(data))


def reindex(data: bytes) -> bytes:
    """Return the file with the page index that its frames ask for; it has to be sealed again."""
    found = frames(data)
    _, (start, length) = found[-1]
    return data[: start + length + 6] + _index(found) + bytes(TRAILER_BYTES)


def reseal(data: bytes) -> bytes:
    """Return the file with the checksum that its present content asks for."""
    return data[:-8] + struct.pack(">Q", _checksum(data))


def stored(folder: Path) -> list[Stored]:
    """List the LTX files of either layout below `folder`, dated by their modification time."""
    found = []
    for path in folder.rglob("*.ltx"):
        key = path.relative_to(folder).as_posix()
        if match := _FILES.search(key):
            level = int(match[1])
        elif match := _OBJECTS.search(key):
            level = int(match[1], 16)
        else:
            continue
        nanoseconds = path.stat().st_mtime_ns
        time = datetime.fromtimestamp(nanoseconds // 10**9, UTC) + timedelta(
            microseconds=nanoseconds % 10**9 // 1000
        )
        found.append(Stored(level, int(match[2], 16), int(match[3], 16), time, path))
    return sorted(found, key=lambda each: (each.level, each.min_txid, each.max_txid))


def plan(files: Iterable[Stored], *, txid: int | None = None, before: datetime | None = None) -> list[Stored]:
    """Choose the files for the latest state, a TXID, or the newest state strictly before a moment.

    This is Litestream 0.5.17's own order of preference. Raises NoPlan.
    """
    usable = [
        each
        for each in files
        if (txid is None or each.max_txid <= txid) and (before is None or each.time < before)
    ]
    chosen = sorted((each for each in usable if each.level == SNAPSHOTS), key=lambda each: each.name)[-1:]
    changes = [each for each in usable if each.level != SNAPSHOTS]
    reached = chosen[0].max_txid if chosen else 0
    while following := [each for each in changes if each.min_txid <= reached + 1 and each.max_txid > reached]:
        best = min(following, key=lambda each: (-each.max_txid, each.min_txid, -each.level, each.time))
        chosen.append(best)
        reached = best.max_txid
    if not chosen or (txid is not None and reached != txid):
        raise NoPlan("no matching backup files")
    if txid is None and before is None and any(each.min_txid > reached + 1 for each in changes):
        raise NoPlan("the files do not follow one another")
    return chosen


def merge(files: Sequence[Ltx]) -> bytes:
    """Return the database that the files give in this order; raise Damaged when they give none."""
    if not files or files[0].min_txid != 1:
        raise Damaged("the first file is not a whole database")
    last = files[-1]
    newest: dict[int, bytes] = {}
    reached = 0
    for each in files:
        if each.min_txid > reached + 1 or each.page_size != last.page_size:
            raise Damaged(f"{each.min_txid:x}-{each.max_txid:x} does not follow {reached:x}")
        reached = each.max_txid
        newest = {number: page for number, page in newest.items() if number <= each.commit}
        newest.update(each.pages)
    lock = lock_page(last.page_size)
    missing = [number for number in range(1, last.commit + 1) if number not in newest and number != lock]
    if missing:
        raise Damaged(f"no file holds page {missing[0]}")
    newest[lock] = bytes(last.page_size)
    return b"".join(newest[number] for number in range(1, last.commit + 1))


def restore(folder: Path, *, txid: int | None = None, before: datetime | None = None) -> bytes:
    """Return the database that the replica below `folder` holds for a target."""
    return merge([each.ltx for each in plan(stored(folder), txid=txid, before=before)])


def restorable(files: Sequence[Stored]) -> list[int]:
    """Return every TXID that some set of the files reaches exactly, rising."""
    return sorted({each.max_txid for each in files if _reaches(files, each.max_txid)})


def _reaches(files: Sequence[Stored], txid: int) -> bool:
    try:
        plan(files, txid=txid)
    except NoPlan:
        return False
    return True


@cache
def _decoded(path: Path, _changed: int, _size: int) -> Ltx:
    return read(path.read_bytes())


def _read_header(data: bytes) -> Ltx:
    if len(data) < HEADER_BYTES + 6 + 9 + TRAILER_BYTES:
        raise Damaged("too short for an LTX file")
    magic, flags, page_size, commit, *rest = _FIELDS.unpack_from(data)
    if magic != b"LTX1":
        raise Damaged("not an LTX file")
    if flags & ~NO_CHECKSUMS:
        raise Damaged(f"unknown flags {flags:#x}")
    if not 512 <= page_size <= MOST_PAGE_BYTES or page_size & (page_size - 1):
        raise Damaged(f"a page size of {page_size}")
    low, high, timestamp, pre_apply, wal_offset, wal_size, salt1, salt2, node = rest
    return Ltx(
        page_size,
        commit,
        low,
        high,
        timestamp,
        {},
        flags,
        pre_apply,
        wal_offset,
        wal_size,
        salt1,
        salt2,
        node,
    )


def _check_shape(ltx: Ltx) -> None:
    """Check what must hold between the header and the pages."""
    numbers = list(ltx.pages)
    lock = lock_page(ltx.page_size)
    if not FIRST_TIME <= ltx.timestamp <= LAST_TIME:
        raise Damaged("a time that no calendar has")
    if not 1 <= ltx.min_txid <= ltx.max_txid or ltx.commit < 1:
        raise Damaged("a header of TXIDs that cannot be")
    wanted = not ltx.flags & NO_CHECKSUMS and ltx.min_txid > 1
    if not (ltx.pre_apply & SEAL if wanted else ltx.pre_apply == 0):
        raise Damaged("a pre-apply checksum where there is none, or none where one is promised")
    wal = ltx.wal_offset, ltx.wal_size, ltx.salt1, ltx.salt2
    if min(wal) < 0 or (any(wal) and not ltx.wal_offset):
        raise Damaged("a place in the WAL that cannot be")
    if numbers != sorted(set(numbers)) or (numbers and numbers[-1] > ltx.commit):
        raise Damaged("pages out of order, or past the end of the database")
    if lock in ltx.pages:
        raise Damaged("the lock page is stored")
    if ltx.min_txid == 1 and len(numbers) != ltx.commit - (lock <= ltx.commit):
        raise Damaged("a whole database lacks pages")


def _is_post_apply(value: int, ltx: Ltx) -> bool:
    """Tell whether a checksum of the whole database may stand at the end; only a base's can be known."""
    if ltx.flags & NO_CHECKSUMS:
        return value == 0
    return value == database_checksum(ltx.pages) if ltx.min_txid == 1 else bool(value & SEAL)


def _read_pages(data: bytes, header: Ltx) -> tuple[Ltx, int]:
    """Decode the page frames; return the file with its pages and where its index begins."""
    pages: dict[int, bytes] = {}
    encodings = set()
    end = HEADER_BYTES
    for number, (start, length) in _walk(data):
        end = start + length
        if number in pages:
            raise Damaged(f"page {number} twice")
        pages[number] = _decode(data[start:end], header.page_size, number)
        encodings.add(data[start + 5])
    return replace(header, pages=pages, encodings=frozenset(encodings)), end + 6


def _walk(data: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """Find the page frames from the front: number, offset and length."""
    at = HEADER_BYTES
    try:
        while any(data[at : at + 6]):
            number, encoding = struct.unpack_from(">IH", data, at)
            if encoding == 1:
                length = 10 + struct.unpack_from(">I", data, at + 6)[0]
            elif encoding == 0:
                length = 6 + _frame_length(data, at + 6)
            else:
                raise Damaged(f"page {number} has flags {encoding:#x}")
            if at + length > len(data) - TRAILER_BYTES:
                raise Damaged(f"page {number} runs past the end")
            yield number, (at, length)
            at += length
    except (struct.error, IndexError) as error:
        raise Damaged("cut off within the pages") from error
    if len(data) < at + 6:
        raise Damaged("cut off within the pages")


def _decode(frame: bytes, page_size: int, number: int) -> bytes:
    page = _decompressed(frame, number)
    if len(page) != page_size:
        raise Damaged(f"page {number} has {len(page)} bytes")
    return page


def _decompressed(frame: bytes, number: int) -> bytes:
    """Decompress a page; a frame's own checksum is not looked at, since the seal covers the page itself."""
    try:
        if frame[5]:
            return lz4.block.decompress(frame[10:], uncompressed_size=MOST_PAGE_BYTES)
        if frame[6:13] != FRAME_START:
            raise Damaged(f"page {number} has a frame that Litestream never wrote")
        (word,) = struct.unpack_from("<I", frame, 13)
        block, rest = frame[17 : 17 + (word & 0x7FFFFFFF)], frame[17 + (word & 0x7FFFFFFF) :]
        if len(rest) != 8:
            raise Damaged(f"page {number} has a frame of several blocks")
        return block if word >> 31 else lz4.block.decompress(block, uncompressed_size=MOST_PAGE_BYTES)
    except lz4.block.LZ4BlockError as error:
        raise Damaged(f"page {number} cannot be decompressed") from error


def _frame(page: bytes) -> bytes:
    """Return an LZ4 frame with the parameters that Litestream before 0.5.16 chose."""
    return lz4.frame.compress(
        page,
        block_size=lz4.frame.BLOCKSIZE_MAX64KB,
        block_linked=False,
        content_checksum=True,
        store_size=False,
    )


def _frame_length(data: bytes, start: int) -> int:
    """Return the length of the LZ4 frame at `start`, by walking its blocks."""
    if data[start : start + 4] != b"\x04\x22\x4d\x18":
        raise Damaged("a page without an LZ4 frame")
    flags = data[start + 4]
    at = start + 7 + 8 * bool(flags & 8) + 4 * bool(flags & 1)
    while data[at : at + 4] != _FRAME_END:
        (size,) = struct.unpack_from("<I", data, at)
        at += 4 + (size & 0x7FFFFFFF) + 4 * bool(flags & 16)
    return at + 4 + 4 * bool(flags & 4) - start


def _index(places: Iterable[tuple[int, tuple[int, int]]]) -> bytes:
    varints = b"".join(
        _varint(each) for number, (start, length) in places for each in (number, start, length)
    )
    return varints + b"\0" + struct.pack(">Q", len(varints) + 1)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _checksum(data: bytes) -> int:
    """Return the seal over the header, each page uncompressed behind its own header, and the index."""
    covered = [data[:HEADER_BYTES]]
    end = HEADER_BYTES
    for number, (start, length) in _walk(data):
        end = start + length
        head = 10 if data[start + 5] else 6
        covered += [data[start : start + head], _decompressed(data[start:end], number)]
    covered.append(data[end:-8])
    return int(crc64.go_iso(b"".join(covered))) | SEAL
