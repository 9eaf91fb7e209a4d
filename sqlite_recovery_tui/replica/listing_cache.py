"""The last complete listing of each replica, kept so that the console has something to show at once.

Only for showing: a restore is planned on a fresh listing alone. A file that is broken, foreign or too old
is as good as none. Nothing secret is in it: keys, sizes, times, and the URL that the operator sees.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.domain import StoredObject
from sqlite_recovery_tui.folders import cache_folder
from sqlite_recovery_tui.replica.segments import Segments, microseconds, moment
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder

LOGGER = logging.getLogger(__name__)
FOLDER = "listings"
SUFFIX = ".listing"
MAX_FILE_BYTES = 16 << 20
"""A larger listing is not kept."""
MAX_RAW_BYTES = 512 << 20
"""What a file may grow to when it is unpacked."""
MAX_TOTAL_BYTES = 128 << 20
"""The oldest listings make room for newer ones beyond that."""
KEEP = timedelta(days=30)
_MAGIC = b"sqlrecover listing 2\n"


class ListingCache:
    """Keeps listings in a folder; no method raises, whatever the folder holds."""

    def __init__(self, folder: Path | None = None) -> None:
        """Keep them in `folder`, by default the user's own."""
        self.folder = folder or cache_folder() / FOLDER

    def load(self, url: str, *, now: datetime) -> tuple[Timeline, datetime] | None:
        """Return what was listed at `url` and when, None where nothing sound and young enough is kept."""
        try:
            as_of, timeline = _decode(self._file(url).read_bytes(), url)
        except FileNotFoundError:
            return None
        except Exception as fault:  # whatever somebody put there must not keep the console from listing
            LOGGER.debug("no kept listing of %s: %s", url, fault)
            return None
        return (timeline, as_of) if now - as_of <= KEEP else None

    def keep(self, url: str, timeline: Timeline, as_of: datetime) -> None:
        """Keep a complete listing in place of the one before."""
        try:
            data = _encode(url, timeline, as_of)
            if len(data) <= MAX_FILE_BYTES:
                self._write(self._file(url), data)
                self._make_room()
        except OSError as error:
            LOGGER.info("the listing of %s is not kept: %s", url, error)

    def forget(self, url: str) -> None:
        """Keep nothing of this replica."""
        with contextlib.suppress(OSError):
            self._file(url).unlink()

    def _file(self, url: str) -> Path:
        return (
            self.folder / f"{hashlib.sha256(url.encode(errors='surrogateescape')).hexdigest()[:32]}{SUFFIX}"
        )

    def _write(self, file: Path, data: bytes) -> None:
        """Write aside and rename: a reader sees the old listing or the new one."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "wb") as stream:
                stream.write(data)
            aside.replace(file)
        finally:
            aside.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Remove what is too old, what a crash left behind, and the oldest beyond the bound."""
        oldest = time.time() - KEEP.total_seconds()
        total = 0
        for _, size, file in sorted(self._files(), reverse=True):
            total += size
            if total > MAX_TOTAL_BYTES or file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for file in self.folder.iterdir():
            if file.suffix in (SUFFIX, ".tmp"):
                with contextlib.suppress(OSError):
                    status = file.stat()
                    found.append((status.st_mtime, status.st_size, file))
        return found


def _encode(url: str, timeline: Timeline, as_of: datetime) -> bytes:
    """Return one line of JSON about the listing, then segments in columns, and all else by key, packed."""
    items = sorted(_besides_segments(timeline), key=lambda item: item.key)
    generations = timeline.generations
    about = {
        "url": url,
        "as_of": as_of.isoformat(),
        "order": sys.byteorder,
        "segments": [[generation.id, len(generation.segments)] for generation in generations],
        "keys": [item.key for item in items],
        "sizes": [item.size for item in items],
        "times": [microseconds(item.time) for item in items],
        "notes": sorted({note.key for each in generations for note in each.removed}),
        "others": timeline.other_objects,
        "examples": timeline.other_examples,
        "about_times": timeline.about_times,
    }
    head = json.dumps(about).encode() + b"\n"
    return _MAGIC + zlib.compress(head + b"".join(each.segments.packed() for each in generations), 1)


def _decode(data: bytes, url: str) -> tuple[datetime, Timeline]:
    """Return what `_encode` took; raise anything for anything else."""
    if not data.startswith(_MAGIC):
        raise ValueError("another kind of file")
    unpacking = zlib.decompressobj()
    raw = unpacking.decompress(data[len(_MAGIC) :], MAX_RAW_BYTES)
    if not unpacking.eof:
        raise ValueError("cut off, or too large")
    head, _, body = raw.partition(b"\n")
    about: dict[str, Any] = json.loads(head)
    if about["url"] != url or about["order"] != sys.byteorder:
        raise ValueError("the listing of another place")
    builder = TimelineBuilder()
    for key, size, stored in zip(about["keys"], about["sizes"], about["times"], strict=True):
        builder.add(str(key), int(size), moment(stored), None)
    for key in about.get("notes", ()):
        builder.add(str(key), 0, datetime.fromisoformat(about["as_of"]), None)
    begin = 0
    for generation, count in about["segments"]:
        end = begin + 32 * int(count)
        builder.take(Segments.unpacked(generation, count, body[begin:end]))
        begin = end
    found = builder.timeline()
    if begin != len(body) or found.other_objects:
        raise ValueError("names that nobody knows")
    timeline = replace(
        found,
        other_objects=int(about["others"]),
        other_examples=tuple(map(str, about["examples"])),
        about_times=tuple(map(str, about["about_times"])),
    )
    return datetime.fromisoformat(about["as_of"]), timeline


def _besides_segments(timeline: Timeline) -> Iterator[StoredObject]:
    for lineage in timeline.lineages:
        for lane in lineage.lanes:
            yield from lane.bases
            if not isinstance(lane.changes, Segments):
                yield from lane.changes
