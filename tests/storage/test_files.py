"""A directory as a store: atomic, durable, private, honest about times and permissions."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import AccessDenied, BucketNotFound, StorageError
from sqlite_recovery_tui.storage.files import FileStore, Like

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "replica"
    made.mkdir()
    return made


@pytest.fixture
def store(root: Path) -> FileStore:
    return FileStore(root)


def keys_of(store: FileStore, prefix: str = "") -> list[str]:
    return [info.key for page in store.list(prefix) for info in page]


def test_the_time_is_the_files_own_to_the_microsecond(store: FileStore, root: Path) -> None:
    (root / "k").write_bytes(b"1")
    os.utime(root / "k", ns=(0, 1_700_000_000_123_456_789))
    when = datetime(2023, 11, 14, 22, 13, 20, 123_456, tzinfo=UTC)
    assert store.head("k").time == when
    assert next(iter(store.list()))[0].time == when


def test_files_that_differ_by_a_nanosecond_differ_in_etag(store: FileStore, root: Path) -> None:
    (root / "k").write_bytes(b"1")
    os.utime(root / "k", ns=(0, 1_700_000_000_123_456_789))
    before = store.head("k").etag
    os.utime(root / "k", ns=(0, 1_700_000_000_123_456_790))
    assert store.head("k").etag != before


def test_a_failed_put_leaves_the_old_object_and_no_debris(
    store: FileStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a/k", b"old")

    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StorageError, match="no space left") as caught:
        store.put("a/k", b"new")
    assert "free space" in caught.value.hint
    assert (root / "a/k").read_bytes() == b"old"
    assert keys_of(store) == ["a/k"]


def test_what_is_put_is_synced_before_it_is_named_and_its_folder_after(
    store: FileStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        steps.append("sync " + os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))[-4:])
        fsync(descriptor)

    def spy_replace(source: str, target: str) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    store.put("wal/k", b"1")
    assert steps == ["sync lica", "sync .tmp", "rename", "sync wal"]


def test_what_is_made_is_private(store: FileStore, root: Path) -> None:
    previous = os.umask(0)
    try:
        store.put("a/b/k", b"1")
    finally:
        os.umask(previous)
    assert (root / "a/b/k").stat().st_mode & 0o777 == 0o600
    assert (root / "a").stat().st_mode & 0o777 == 0o700


def test_what_is_made_is_like_the_database_where_that_is_wanted(tmp_path: Path) -> None:
    database = tmp_path / "data" / "app.db"
    store = FileStore(tmp_path / "replica", like=lambda: Like.database(database))
    before = os.umask(0o077)
    try:
        store.put("a/early", b"1")  # while the database is missing
        database.parent.mkdir()
        database.write_bytes(b"")
        database.chmod(0o640)
        database.parent.chmod(0o750)
        store.put("b/late", b"1")
    finally:
        os.umask(before)
    modes = {
        key: tuple(stat.S_IMODE((tmp_path / "replica" / part).stat().st_mode) for part in (folder, key))
        for folder, key in (("a", "a/early"), ("b", "b/late"))
    }
    assert modes == {"a/early": (0o700, 0o600), "b/late": (0o750, 0o640)}
    assert (tmp_path / "replica" / "b" / "late").stat().st_uid == database.stat().st_uid


def test_put_if_absent_works_without_hard_links(
    store: FileStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "link", no_links)
    assert store.put_if_absent("k", b"1") is True
    assert store.put_if_absent("k", b"2") is False
    assert (root / "k").read_bytes() == b"1"
    assert keys_of(store) == ["k"]


def test_debris_of_a_crashed_writer_is_listed_like_any_key(store: FileStore, root: Path) -> None:
    (root / "00000000.snapshot.lz4.tmp").write_bytes(b"half")
    assert keys_of(store) == ["00000000.snapshot.lz4.tmp"]


def test_names_that_are_not_utf8_are_listed_and_read(store: FileStore, root: Path) -> None:
    with open(os.fsencode(root) + b"/\xff\xfe", "wb") as file:
        file.write(b"1")
    (key,) = keys_of(store)
    assert store.get(key) == b"1"
    with pytest.raises(StorageError) as caught:
        store.get(key + "x")
    caught.value.message.encode()


def test_links_are_followed_but_not_in_circles(store: FileStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (tmp_path / "big disk" / "k").write_bytes(b"1")
    (root / "generations").symlink_to(tmp_path / "big disk")
    (root / "a").mkdir()
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    assert keys_of(store) == ["generations/k"]


def test_only_regular_files_are_objects(store: FileStore, root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    assert keys_of(store) == []


def test_a_listing_survives_files_that_vanish(
    store: FileStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (root / name / "x").mkdir(parents=True)
        (root / name / "k").write_bytes(b"1")
    listing = os.scandir

    def scan(path: str) -> object:
        entries = list(listing(path))
        if path == f"{root}/":
            os.unlink(root / "a/k")
            (root / "b/x").rmdir()
        return _Entries(entries)

    monkeypatch.setattr(os, "scandir", scan)
    assert keys_of(store) == ["b/k"]


class _Entries(list):  # type: ignore[type-arg]
    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(BucketNotFound, match="directory does not exist"):
        list(FileStore(tmp_path / "file").list())
    with pytest.raises(BucketNotFound):
        FileStore(tmp_path / "file").get("k")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop root's right to read everything; a plain user has none to drop."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A replica, reachable by all, with a folder and a file that nobody may read."""
    base = Path("/tmp") / f"sqlrecover-test-{os.getpid()}-{time.monotonic_ns()}"
    (base / "locked").mkdir(parents=True)
    (base / "k").write_bytes(b"1")
    (base / "k").chmod(0)
    (base / "locked").chmod(0)
    base.chmod(0o755)
    yield base
    (base / "locked").chmod(0o700)
    (base / "locked").rmdir()
    (base / "k").unlink()
    base.rmdir()


def test_what_may_not_be_read_is_denied_not_missing(locked: Path) -> None:
    store = FileStore(locked)
    with as_nobody():
        for act in (
            lambda: store.get("k"),
            lambda: keys_of(store),
            lambda: FileStore(locked / "locked/r").get("k"),
        ):
            with pytest.raises(AccessDenied, match="permission denied") as caught:
                act()
            assert "owner or mode" in caught.value.hint
        with pytest.raises(AccessDenied):
            store.put("new", b"1")


def test_only_the_folders_that_can_match_are_read(
    store: FileStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for generation in range(4):
        folder = root / "generations" / f"{generation:016x}" / "wal"
        folder.mkdir(parents=True)
        for number in range(1200):
            os.close(os.open(folder / f"{number:08x}_00000000.wal.lz4", os.O_CREAT | os.O_WRONLY))
    pages = list(store.list())
    assert sum(len(page) for page in pages) == 4800
    assert max(len(page) for page in pages) == 1000
    read: list[str] = []
    scandir = os.scandir

    def scan(path: str) -> object:
        read.append(path.removeprefix(str(root)))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    prefix = "generations/0000000000000002/wal/000004a"
    assert keys_of(store, prefix) == [f"{prefix}{number:x}_00000000.wal.lz4" for number in range(16)]
    assert read == ["/generations/0000000000000002/wal/"]
