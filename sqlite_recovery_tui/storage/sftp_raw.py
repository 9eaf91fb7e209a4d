"""One request over SFTP, as paramiko makes it."""

from __future__ import annotations

import errno
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.keys import folder_of, under
from sqlite_recovery_tui.storage.raw import BadKey, Body, NoAccount, TooShort
from sqlite_recovery_tui.storage.ssh import Connection, UnknownHost

if TYPE_CHECKING:
    import paramiko

_PAGE = 1000
_PIECE_BYTES = 1 << 20
_SMALL_BYTES = 256 << 10
"""Up to here, asking for pieces one after the other is quicker than asking ahead."""


class SftpRaw:
    """Requests below the directory `root` of a server; keys are checked, never tidied."""

    def __init__(self, connection: Connection, root: str) -> None:
        """Make requests over `connection`."""
        from paramiko import SSHException

        self.failures: tuple[type[Exception], ...] = (
            OSError,
            EOFError,
            SSHException,
            UnknownHost,
            BadKey,
            NoAccount,
            TooShort,
        )
        self._connection = connection
        self._root = root.rstrip("/") if root.strip("/") else root

    def pages(self, prefix: str, *, after: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        """Yield the files of one folder after the other; the order is not that of the keys."""
        del after
        with self._connection.channel() as sftp:
            sftp.stat(self._root or ".")
            pending = [folder_of(prefix)]
            while pending:
                files, below = self._scan(sftp, pending.pop(), prefix, cut)
                yield from (files[start : start + _PAGE] for start in range(0, len(files), _PAGE))
                pending.extend(reversed(below))

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the folders below `prefix`."""
        with self._connection.channel() as sftp:
            sftp.stat(self._root or ".")
            return self._scan(sftp, prefix, prefix, 0)[1]

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of one file."""
        with self._connection.channel() as sftp:
            attributes = sftp.stat(self._path(key))
        if stat.S_ISDIR(attributes.st_mode or 0):
            raise FileNotFoundError(errno.ENOENT, key)
        return _info(key, attributes)

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002
        """Return nothing: the file's time is the writer's."""
        return {}

    def get(self, key: str) -> bytes:
        """Return a whole file."""
        body = self.body(key, 0, 1 << 20)
        data = b"".join(body.pieces)
        if len(data) != body.size:
            raise TooShort(body.size, len(data))
        return data

    def range(self, key: str, start: int, length: int) -> bytes:
        """Return a range, shorter at the end of the file."""
        with self._connection.channel() as sftp, self._open(sftp, key) as (file, info):
            wanted = max(0, min(length, info.size - start))
            return _read(file, start, wanted) if wanted else b""

    def body(self, key: str, start: int, chunk_bytes: int) -> Body:
        """Begin to read a file."""
        opened: list[ObjectInfo] = []
        pieces = self._pieces(key, start, chunk_bytes, opened)
        next(pieces)
        return Body(opened[0].size, opened[0].etag, pieces)

    def put(self, key: str, data: bytes) -> None:
        """Write a file aside and rename it into place."""
        self._put_pieces(key, lambda: (data,))

    def put_file(self, key: str, path: Path) -> None:
        """Write a file's bytes aside and rename them into place."""
        self._put_pieces(key, lambda: _pieces_of(path))

    def _put_pieces(self, key: str, pieces: Callable[[], Iterable[bytes]]) -> None:
        try:
            self._put(key, pieces())
        except FileNotFoundError:
            self._put(key, pieces())  # while several made its folder, the server did not know it yet

    def _put(self, key: str, pieces: Iterable[bytes]) -> None:
        path = self._path(key)
        with self._connection.channel() as sftp, _written_aside(sftp, path, pieces) as temporary:
            try:
                sftp.posix_rename(temporary, path)
            except OSError:
                # without that extension a rename does not replace
                with suppress(FileNotFoundError):
                    sftp.remove(path)
                sftp.rename(temporary, path)

    def create(self, key: str, data: bytes) -> bool:
        """Write a file unless its name is taken; some servers let a rename replace all the same."""
        path = self._path(key)
        with self._connection.channel() as sftp:
            if _exists(sftp, path):
                return False
            with _written_aside(sftp, path, (data,)) as temporary:
                try:
                    sftp.rename(temporary, path)
                except OSError:
                    if _exists(sftp, path):
                        return False
                    raise
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files."""
        with self._connection.channel() as sftp:
            for key in keys:
                with suppress(FileNotFoundError, BadKey):
                    sftp.remove(self._path(key))

    def _path(self, key: str) -> str:
        """Return the path of `key`, for which no other key may stand."""
        if "\0" in key or any(segment in ("", ".", "..") for segment in key.split("/")):
            raise BadKey
        return f"/{key}" if self._root == "/" else under(self._root, key)

    def _scan(
        self, sftp: paramiko.SFTPClient, folder: str, prefix: str, cut: int
    ) -> tuple[list[ObjectInfo], list[str]]:
        """Return the files of a folder and the folders in it that may hold more, in the order of names."""
        files: list[ObjectInfo] = []
        below: list[str] = []
        if folder and _is_odd(folder):
            return files, below
        place = self._path(folder.rstrip("/")) if folder else self._root or "."
        with suppress(FileNotFoundError):
            for entry in sorted(sftp.listdir_attr(place), key=lambda entry: entry.filename):
                key = folder + entry.filename
                attributes = _followed(sftp, f"{place}/{entry.filename}", entry)
                mode = attributes.st_mode or 0
                if stat.S_ISDIR(mode) and _may_match(f"{key}/", prefix):
                    below.append(f"{key}/")
                elif stat.S_ISREG(mode) and key.startswith(prefix):
                    files.append(_info(key[cut:], attributes))
        return files, below

    @contextmanager
    def _open(self, sftp: paramiko.SFTPClient, key: str) -> Iterator[tuple[paramiko.SFTPFile, ObjectInfo]]:
        path = self._path(key)
        try:
            file = sftp.open(path, "rb")
        except FileNotFoundError:
            raise
        except OSError:
            if stat.S_ISDIR(sftp.stat(path).st_mode or 0):
                raise FileNotFoundError(errno.ENOENT, key) from None
            raise
        with _without_noise(file):
            attributes = file.stat()
            if stat.S_ISDIR(attributes.st_mode or 0):
                raise FileNotFoundError(errno.ENOENT, key)
            yield file, _info(key, attributes)

    def _pieces(self, key: str, start: int, chunk_bytes: int, opened: list[ObjectInfo]) -> Iterator[bytes]:
        """Yield nothing once the file is open and described in `opened`, then its pieces."""
        with self._connection.channel() as sftp, self._open(sftp, key) as (file, info):
            opened.append(info)
            yield b""
            at = start
            while at < info.size and (piece := _read(file, at, min(chunk_bytes, info.size - at))):
                at += len(piece)
                yield piece


def _read(file: paramiko.SFTPFile, start: int, length: int) -> bytes:
    """Read at most `length` bytes; the requests for a large piece are sent before their answers come.

    Only one piece is asked for at a time, so that a reader who stops leaves no requests behind.
    """
    if length <= _SMALL_BYTES:
        file.seek(start)
        return file.read(length)
    return next(iter(file.readv([(start, length)])), b"")


def _without_noise(file: paramiko.SFTPFile) -> paramiko.SFTPFile:
    """Keep the thread that sends a file's requests from printing a traceback when they break.

    Whoever reads the file meets the same break and reports it.
    """
    from paramiko import SSHException

    send = file._prefetch_thread  # type: ignore[attr-defined]

    def quietly(*arguments: Any) -> None:
        with suppress(OSError, EOFError, SSHException):
            send(*arguments)

    file._prefetch_thread = quietly  # type: ignore[attr-defined]
    return file


@contextmanager
def _written_aside(sftp: paramiko.SFTPClient, path: str, pieces: Iterable[bytes]) -> Iterator[str]:
    """Write `pieces` to a temporary file beside `path`; gone at the end unless renamed."""
    folder = folder_of(path)
    _make_folders(sftp, folder.rstrip("/"))
    temporary = f"{folder}.{secrets.token_hex(8)}.tmp"
    try:
        with sftp.open(temporary, "wbx") as file:
            file.chmod(0o600)
            file.set_pipelined(True)
            for piece in pieces:
                file.write(piece)
        yield temporary
    finally:
        with suppress(OSError):
            sftp.remove(temporary)


def _pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb", 0) as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _make_folders(sftp: paramiko.SFTPClient, folder: str) -> None:
    if not folder or _exists(sftp, folder):
        return
    _make_folders(sftp, folder.rpartition("/")[0])
    with suppress(OSError):  # another writer may have made it; what matters shows when it is used
        sftp.mkdir(folder, 0o700)


def _exists(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def _followed(
    sftp: paramiko.SFTPClient, path: str, entry: paramiko.SFTPAttributes
) -> paramiko.SFTPAttributes:
    """Return what a link leads to; folders behind links are left out, a tree of them need not end."""
    if not stat.S_ISLNK(entry.st_mode or 0):
        return entry
    try:
        found = sftp.stat(path)
    except OSError:
        return entry
    return entry if stat.S_ISDIR(found.st_mode or 0) else found


def _may_match(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _is_odd(folder: str) -> bool:
    return any(segment in ("", ".", "..") for segment in folder.rstrip("/").split("/"))


def _info(key: str, attributes: paramiko.SFTPAttributes) -> ObjectInfo:
    seconds, size = attributes.st_mtime or 0, attributes.st_size or 0
    return ObjectInfo(key, size, datetime.fromtimestamp(seconds, UTC), f"{seconds:x}-{size:x}")
