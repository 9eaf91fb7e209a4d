"""Replicas in a local directory: listed with scandir, written atomically, keys kept inside the root."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.durable import NEW, fsync_folder, write_all
from sqlite_recovery_tui.storage.base import ObjectInfo, StoreKind
from sqlite_recovery_tui.storage.files_walk import Entry, walk
from sqlite_recovery_tui.storage.keys import folder_of
from sqlite_recovery_tui.storage.retry import Failure, Operation
from sqlite_recovery_tui.storage.translate import bad_key, missing_object, missing_root, of_os, short_body

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 1000
_PIECE_BYTES = 4 << 20
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Like:
    """Modes and owner of new files and folders, as Litestream copies them from the database."""

    file_mode: int
    folder_mode: int
    user: int
    group: int

    @classmethod
    def database(cls, path: Path) -> Like | None:
        """Return those of a database and of its folder, None while it is not there. Nothing is opened."""
        try:
            file, folder = path.stat(), path.parent.stat()
        except OSError:
            return None
        return cls(stat.S_IMODE(file.st_mode), stat.S_IMODE(folder.st_mode), file.st_uid, file.st_gid)

    def give(self, made: str | int, mode: int) -> None:
        """Give a new file or folder its owner, where that is allowed, and its mode."""
        with suppress(PermissionError):
            os.chown(made, self.user, self.group)
        os.chmod(made, mode)


class FileStore:
    """A directory; a key is a path below it. Symbolic links in it are followed, as Litestream does."""

    kind: StoreKind = "file"
    is_local = True
    lists_written_times = True

    def __init__(self, root: Path, *, url: str = "", like: Callable[[], Like | None] | None = None) -> None:
        """Use the directory `root`, which need not be there yet when it is written to.

        What is made in it is for the user alone, unless it is to be `like` what that returns then.
        """
        self.url = url or f"file://{root}"
        self._like = like or (lambda: None)
        self._root = os.fspath(root)

    def answers_ranges(self, key: str) -> bool:  # noqa: ARG002
        """Files are read from any place."""
        return True

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of objects, folder by folder."""
        operation = Operation("list", prefix, self.url)
        page: list[ObjectInfo] = []
        with self._explained(operation):
            for entry in walk(self._existing_root(), prefix):
                page.append(_info(entry))
                if len(page) >= _PAGE:
                    yield page
                    page = []
        if page:
            yield page

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        """Return the folders directly below `prefix`."""
        with self._explained(Operation("list", prefix, self.url)):
            root = self._existing_root()
            folder = self._inside(prefix.rstrip("/")) if prefix else root
            if folder is None:
                return []
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                return sorted(f"{prefix}{entry.name}/" for entry in entries if entry.is_dir())
            return []

    def head(self, key: str) -> ObjectInfo:
        """Return one file's size and times."""
        with self._explained(Operation("head", key, self.url)):
            status = os.stat(self._path("head", key))
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
        return _info(Entry(key, status))

    def written_time(self, key: str) -> datetime:
        """Return a file's time, which its writer sets."""
        return self.head(key).time

    def get(self, key: str) -> bytes:
        """Return a whole file."""
        with self._explained(Operation("get", key, self.url)), open(self._path("get", key), "rb", 0) as file:
            return file.readall()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`."""
        operation = Operation("get", key, self.url)
        with self._explained(operation), open(self._path("get", key), "rb") as file:
            file.seek(start)
            data = file.read(length)
        if len(data) < length:
            raise short_body(start + length, start + len(data)).error(operation)
        return data

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        """Yield a file from `start` to its end."""
        operation = Operation("get", key, self.url)
        with self._explained(operation), open(self._path("get", key), "rb", 0) as file:
            file.seek(start)
            while piece := file.read(chunk_bytes):
                yield piece

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write a file aside, sync it, and rename it into place."""
        with self._explained(Operation("put", key, self.url)):
            path = self._path("put", key)
            with self._written_aside(path, (data,)) as temporary:
                os.replace(temporary, path)
        return self.head(key)

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Copy a file aside, sync it, and rename it into place."""
        with path.open("rb", 0) as source, self._explained(Operation("put", key, self.url)):
            target = self._path("put", key)
            pieces = iter(lambda: source.read(_PIECE_BYTES), b"")
            with self._written_aside(target, pieces) as temporary:
                os.replace(temporary, target)
        return self.head(key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write a file unless its name is taken, by linking a complete one to it."""
        with self._explained(Operation("put", key, self.url)):
            path = self._path("put", key)
            with self._written_aside(path, (data,)) as temporary:
                try:
                    os.link(temporary, path)
                except FileExistsError:
                    return False
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    return self._write_exclusively(path, data)
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files; empty folders stay, as Litestream leaves them."""
        for key in keys:
            with self._explained(Operation("delete", key, self.url)), suppress(FileNotFoundError):
                os.unlink(self._path("delete", key))

    def close(self) -> None:
        """Hold nothing open."""

    @contextmanager
    def _written_aside(self, path: str, pieces: Iterable[bytes]) -> Iterator[str]:
        """Write `pieces` durably to a temporary file beside `path`; gone at the end unless renamed."""
        folder = folder_of(path)
        self._make_folder(folder.rstrip("/"))
        temporary = f"{folder}.{secrets.token_hex(8)}.tmp"
        try:
            _write(temporary, pieces, self._like())
            yield temporary
            fsync_folder(folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    def _write_exclusively(self, path: str, data: bytes) -> bool:
        """Write where hard links do not exist: never over another file, but not atomic in a crash."""
        try:
            _write(path, (data,), self._like())
        except FileExistsError:
            return False
        return True

    def _make_folder(self, folder: str) -> None:
        """Make a folder and those above it, durably."""
        if os.path.isdir(folder):
            return
        above = os.path.dirname(folder) or "."
        self._make_folder(above)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
            if like := self._like():
                like.give(folder, like.folder_mode)
        fsync_folder(above)

    def _existing_root(self) -> str:
        if not stat.S_ISDIR(os.stat(self._root).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._root)
        return self._root

    def _path(self, operation: str, key: str) -> str:
        """Return the path of `key` below the root; raise for a key that no file can have."""
        path = self._inside(key)
        if path is not None:
            return path
        failure = bad_key("file") if operation == "put" else missing_object()
        raise failure.error(Operation(operation, key, self.url))

    def _inside(self, key: str) -> str | None:
        segments = key.split("/")
        if "\0" in key or any(segment in ("", ".", "..") for segment in segments):
            return None
        return f"{self._root}/{key}"

    @contextmanager
    def _explained(self, operation: Operation) -> Iterator[None]:
        """Turn errors of the operating system into storage errors that name key and store."""
        try:
            yield
        except OSError as error:
            raise self._failure(error).error(operation) from error

    def _failure(self, error: OSError) -> Failure:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not os.path.isdir(self._root):
            return missing_root("the directory")
        return of_os(error)


def _write(path: str, pieces: Iterable[bytes], like: Like | None) -> None:
    descriptor = os.open(path, NEW, 0o600)
    try:
        if like:
            like.give(descriptor, like.file_mode)
        for piece in pieces:
            write_all(descriptor, piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _info(entry: Entry) -> ObjectInfo:
    status = entry.status
    nanoseconds = status.st_mtime_ns
    time = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    return ObjectInfo(
        entry.key, status.st_size, time, f"{status.st_ino:x}-{nanoseconds:x}-{status.st_size:x}"
    )
