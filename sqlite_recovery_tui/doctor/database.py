"""Is a database file fit for production and for replication: its settings, its users, its log, its disk.

Nothing is written. Its bytes are read before SQLite opens it: closing such a descriptor ends SQLite's locks.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.doctor import programs, rate, sqlite_version
from sqlite_recovery_tui.doctor.programs import Program
from sqlite_recovery_tui.doctor.rate import Rate
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.formats.header import DatabaseHeader
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.replicate import holders, wal_index
from sqlite_recovery_tui.replicate.holders import Holder
from sqlite_recovery_tui.restore.place import is_at_rest
from sqlite_recovery_tui.sqlite import filesystem
from sqlite_recovery_tui.words import plural, size, span

_ROLLBACK, _WAL = 1, 2
_SMALL_PAGE = 4096
_LONG_LOG_BYTES = 64 << 20
_LONG_WAIT_FRAMES = 10_000
"""Ten times what an automatic checkpoint lets gather."""
_MUCH_FREE = 0.25
_MUCH_FREE_BYTES = 16 << 20
_PROOF_AGE = timedelta(days=30)
_VANISHING = {
    "tmpfs": "it is kept in memory, and gone after a restart",
    "ramfs": "it is kept in memory, and gone after a restart",
    "overlay": "it lies in a container's own layer, and is gone with the container",
}


@dataclass(frozen=True, slots=True)
class Log:
    """The write-ahead log of a database, as it lies there."""

    size: int
    """Bytes of the file, which is used again from its start and does not shrink by itself."""
    frames: int = 0
    waiting: int = 0
    """How many frames no checkpoint has brought into the database yet."""
    page_size: int = 0
    reader: Holder | None = None
    """Who reads a state so old that what came after it has to wait."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What a database is made of, as SQLite counts it."""

    all: int
    free: int
    """Used by nothing any more."""


def examine(
    path: Path,
    *,
    now: datetime,
    replicated: bool = False,
    proven: datetime | None = None,
    writes: Rate | None = None,
    watched: bool = True,
) -> Iterator[Check]:
    """Yield every check of one database; a file that is none gives a single one, which fails.

    `replicated` says that somebody ships its log, `proven` when its integrity was last shown, `writes`
    what was measured where it was `watched`. Only while this process has no connection to it.
    """
    try:
        found = _read_header(path)
    except (OSError, FormatError) as error:
        yield _unreadable(path, error)
        return
    log = _read_log(path) if found.write_version == _WAL else None
    yield judge_journal(found, replicated=replicated)
    yield judge_page_size(found.page_size)
    yield judge_last_writer(found)
    yield judge_programs(programs.using(path), is_wal=found.write_version == _WAL)
    if log is not None:
        yield judge_log(log)
    yield from _look_inside(path, found)
    yield judge_file_system(filesystem.kind(path))
    if watched:
        yield rate.judge(writes)
    yield judge_proof(proven, now)


def _read_header(path: Path) -> DatabaseHeader:
    with path.open("rb") as file:
        return header.parse(file.read(header.SIZE))


def _unreadable(path: Path, error: OSError | FormatError) -> Check:
    if isinstance(error, FormatError):
        return Check("file", "fail", f"{path}: {error}", "see that the path names the database itself")
    reason = (error.strerror or str(error)).lower()
    hint = "restore it: sqlrecover restore" if isinstance(error, FileNotFoundError) else "see who may read it"
    return Check("file", "fail", f"{path} cannot be read: {reason}", hint)


def _read_log(path: Path) -> Log | None:
    """Return the log and how far it waits; None where there is none."""
    try:
        length = Path(f"{path}-wal").stat().st_size
    except OSError:
        return None
    try:
        descriptor = os.open(f"{path}-shm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Log(length)
    try:
        _, index = wal_index.read(descriptor)
        status = os.fstat(descriptor)
        reader = holders.oldest_reader(index, (status.st_dev, status.st_ino))
    except OSError:
        return Log(length)
    finally:
        os.close(descriptor)
    return Log(length, index.frames, index.frames - index.backfilled, index.page_size, reader)


def judge_journal(found: DatabaseHeader, *, replicated: bool) -> Check:
    """Say whether a database is in WAL mode, which replication needs."""
    if found.write_version == _WAL:
        return Check("journal mode", "ok", "WAL")
    if found.write_version != _ROLLBACK:
        return Check(
            "journal mode",
            "fail",
            f"written in a way that SQLite itself does not know (write version {found.write_version})",
            "convert it with the program that wrote it; only WAL mode can be replicated",
        )
    return Check(
        "journal mode",
        "fail" if replicated else "warn",
        "a rollback journal: readers and the writer wait for each other, and nothing can be replicated",
        "run once: PRAGMA journal_mode = WAL",
    )


def judge_page_size(page_size: int) -> Check:
    """Say whether pages are of a sensible size."""
    if page_size >= _SMALL_PAGE:
        return Check("page size", "ok", f"{page_size:,} bytes")
    return Check(
        "page size",
        "warn",
        f"{page_size:,} bytes: each commit writes more and smaller pages than the disk does",
        "in a quiet hour: PRAGMA journal_mode=DELETE; PRAGMA page_size=4096; VACUUM; PRAGMA journal_mode=WAL",
    )


def judge_last_writer(found: DatabaseHeader) -> Check:
    """Say which SQLite wrote the file last, as of its last checkpoint, and what is known against it."""
    version = sqlite_version.of_number(found.sqlite_version)
    if version is None:
        return Check("last writer", "ok", "does not say which SQLite it was")
    known = sqlite_version.bugs(version) if found.write_version == _WAL else ()
    return _version_check("last writer", known, f"SQLite {sqlite_version.words(version)}")


def judge_programs(users: Sequence[Program], *, is_wal: bool) -> Check:
    """Say who has the database open and by which SQLite; the oldest one counts."""
    if not users:
        return Check("programs", "ok", "no program that can be seen from here has it open")
    named = [
        f"{one}: SQLite {sqlite_version.words(one.version)}" if one.version else f"{one}: SQLite not found"
        for one in users
    ]
    known = [bug for one in users if one.version and is_wal for bug in sqlite_version.bugs(one.version)]
    return _version_check("programs", tuple(dict.fromkeys(known)), "; ".join(named))


def _version_check(name: str, known: Sequence[str], message: str) -> Check:
    if not known:
        return Check(name, "ok", message)
    fixed = sqlite_version.words(sqlite_version.FIXED)
    hint = f"give the application SQLite {fixed} or newer; with Python: apsw, or a newer libsqlite3"
    return Check(name, "warn", f"{message}; has {' and '.join(known)}", hint)


def judge_log(log: Log) -> Check:
    """Say how large the log is and whether something holds its checkpoints up.

    The automatic checkpoint is a setting of each connection, which cannot be seen: its effect can.
    """
    waits = f"{plural(log.waiting, 'frame')} not in the database yet"
    if log.waiting * log.page_size > _LONG_LOG_BYTES or log.waiting > _LONG_WAIT_FRAMES:
        held = f"; {log.reader} reads a state from before" if log.reader else ""
        hint = (
            f"let {log.reader} end its transaction"
            if log.reader
            else "end long transactions; see that no connection has PRAGMA wal_autocheckpoint = 0"
        )
        return Check("log", "warn", f"{size(log.size)}, {waits}: checkpoints are held up{held}", hint)
    if log.size > _LONG_LOG_BYTES:
        return Check(
            "log",
            "warn",
            f"{size(log.size)}, {waits}: it has been that long once, and keeps the space",
            "look for the long transaction; PRAGMA journal_size_limit gives the space back",
        )
    return Check("log", "ok", f"{size(log.size)}, {waits}" if log.frames else size(log.size))


def _look_inside(path: Path, found: DatabaseHeader) -> Iterator[Check]:
    """Open the database by SQLite, for reading, to count its pages."""
    import apsw

    from sqlite_recovery_tui.sqlite import hot_journal
    from sqlite_recovery_tui.sqlite.connect import open_production

    if hot_journal.is_left(path):  # whoever opens it now writes to it
        yield Check(
            "opens",
            "warn",
            "not opened: an update goes on, or was broken off, and the next program takes it back",
            "keep the -journal beside the file; open it once with the application before it is copied",
        )
        return
    try:
        with contextlib.closing(open_production(path, is_at_rest=is_at_rest(path))) as connection:
            pages = Pages(int(connection.pragma("page_count")), int(connection.pragma("freelist_count")))
    except (apsw.BusyError, apsw.LockedError):
        yield Check(
            "opens",
            "warn",
            "another connection holds it exclusively: nobody else can read it, and nobody replicate it",
            "leave PRAGMA locking_mode at NORMAL",
        )
    except apsw.Error as error:
        yield Check(
            "opens",
            "fail",
            f"SQLite does not open it: {error}",
            "restore it beside: sqlrecover restore -o FILE, then look at both with sqlrecover diff",
        )
    else:
        yield Check("opens", "ok", f"{size(pages.all * found.page_size)}, {plural(pages.all, 'page')}")
        yield judge_free(pages, found.page_size)


def judge_free(pages: Pages, page_size: int) -> Check:
    """Say how much of the file holds nothing."""
    share = pages.free / pages.all if pages.all else 0.0
    message = f"{share:.0%} of the file is empty, {size(pages.free * page_size)}"
    if share <= _MUCH_FREE or pages.free * page_size <= _MUCH_FREE_BYTES:
        return Check("free pages", "ok", message)
    return Check(
        "free pages",
        "warn",
        f"{message}: snapshots and restores carry it along",
        "VACUUM in a quiet hour; it writes the whole database once, as one transaction",
    )


def judge_file_system(kind: str) -> Check:
    """Say whether a database can live on that type of file system."""
    if filesystem.is_network(kind):
        return Check(
            "file system",
            "fail",
            f"{kind}, a network file system: a WAL does not work there, and more than one host corrupts the "
            "database",
            "move it to a local disk of one host; for several hosts that write, use a database server",
        )
    if kind in _VANISHING:
        return Check(
            "file system", "warn", f"{kind}: {_VANISHING[kind]}", "move it to a disk or a mounted volume"
        )
    return Check("file system", "ok", kind or "its type is not known here")


def judge_proof(proven: datetime | None, now: datetime) -> Check:
    """Say how long ago the content was last shown to be sound."""
    if proven is None:
        return Check(
            "integrity",
            "warn",
            "never checked, as far as the history of this user says",
            "check it now: sqlrecover verify FILE, or sqlrecover drill for what its replicas give",
        )
    age = now - proven
    shown = f"last found sound {span(int(age.total_seconds()))} ago"
    if age > _PROOF_AGE:
        return Check("integrity", "warn", shown, "check it again: sqlrecover verify FILE")
    return Check("integrity", "ok", shown)
