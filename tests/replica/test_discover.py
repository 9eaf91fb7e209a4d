"""Every replica below a prefix is found, whatever lies around it, and the requests that takes are few."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.errors import AccessDenied, BucketNotFound, Cancelled
from sqlite_recovery_tui.formats import generations
from sqlite_recovery_tui.formats.ltx import names as ltx
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica import discover as module
from sqlite_recovery_tui.replica.discover import Discovery, Found, discover, replica_folder
from sqlite_recovery_tui.storage.base import ObjectInfo, Store
from sqlite_recovery_tui.storage.files import FileStore
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.open import open_store
from tests.storage.conftest import sftp_of
from tests.support.listings import A, B
from tests.support.servers import moto_s3, rclone_s3, rclone_sftp, upload_tree


class Counting(MemoryStore):
    """Counts the requests that a service would answer: pages of listings, listings of folders."""

    def __init__(self) -> None:
        super().__init__("counted")
        self.pages = 0
        self.folders = 0
        self.denied: set[str] = set()
        self._counting = threading.Lock()

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        self._refuse(prefix)
        empty = True
        for page in super().list(prefix):
            with self._counting:
                self.pages += 1
            empty = False
            yield page
        self.pages += empty

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        with self._counting:
            self.folders += 1
        if any(prefix.startswith(folder) for folder in self.denied):
            raise AccessDenied(f"cannot list {prefix}")
        return super().list_folders(prefix)

    def _refuse(self, prefix: str) -> None:
        if any(folder.startswith(prefix) or prefix.startswith(folder) for folder in self.denied):
            raise AccessDenied(f"cannot list {prefix}")

    @property
    def requests(self) -> int:
        return self.pages + self.folders


def old(store: Store, folder: str, segments: int = 1, generation: str = A) -> None:
    """Store a replica of Litestream 0.3."""
    store.put(folder + generations.snapshot_key(generation, 0), b"snapshot")
    for number in range(segments):
        store.put(folder + generations.segment_key(generation, number, 0), b"wal")


def new(store: Store, folder: str, files: int = 1, *, s3: bool = False) -> None:
    """Store a replica of Litestream 0.5."""
    key = ltx.s3_key if s3 else ltx.file_key
    store.put(folder + key(9, 1, 1), b"snapshot")
    for txid in range(2, files + 2):
        store.put(folder + key(0, txid, txid), b"ltx")


def folders(result: Discovery) -> dict[str, int]:
    assert all(found.complete for found in result.found)
    return {found.folder: found.timeline.objects for found in result.found}


def test_both_formats_are_found_at_any_depth_among_anything_else() -> None:
    store = Counting()
    old(store, "", 2)
    old(store, "old/app.db/", 3)
    new(store, "new/app.db/", 4)
    new(store, "s3/deep/er/app.db/", 5, s3=True)
    new(store, "old/app.db/inside/", 1)
    store.put("generations/readme.txt", b"not ours")
    store.put("ltx/notes/9/x", b"not ours")
    store.put("photos/0000/1.jpg", b"not ours")
    result = discover(store)
    assert folders(result) == {
        "": 3,
        "new/app.db/": 5,
        "old/app.db/": 4,
        "old/app.db/inside/": 2,
        "s3/deep/er/app.db/": 6,
    }
    assert (result.errors, result.cut_short) == ((), False)
    assert result.objects == 23
    assert store.requests == 1


def test_only_what_lies_below_the_prefix_is_found() -> None:
    store = Counting()
    old(store, "eu/app.db/")
    old(store, "europe/app.db/")
    old(store, "us/app.db/")
    assert folders(discover(store, prefix="eu/")) == {"eu/app.db/": 2}
    assert folders(discover(store, prefix="asia/")) == {}


def test_many_small_replicas_cost_a_request_for_each_thousand_objects() -> None:
    store = Counting()
    for number in range(300):
        old(store, f"tenants/{number:04}/", 19)
    result = discover(store)
    assert len(result.found) == 300
    assert set(folders(result).values()) == {20}
    assert store.requests <= 300 * 20 / 1000 + 2


def test_large_replicas_are_listed_once_each_and_side_by_side() -> None:
    store = Counting()
    for name in ("a", "b", "c"):
        old(store, f"{name}/", 2500)
    result = discover(store)
    assert folders(result) == {"a/": 2501, "b/": 2501, "c/": 2501}
    assert store.folders == 1
    assert store.pages <= 3 * 3 + 1


def test_masses_of_other_objects_are_gone_round() -> None:
    store = Counting()
    for number in range(5000):
        store.put(f"logs/2026/{number:06}.gz", b"x")
        store.put(f"photos/{number:06}.jpg", b"x")
    old(store, "zebra/app.db/")
    assert folders(discover(store)) == {"zebra/app.db/": 2}
    assert store.pages <= 5
    assert store.folders <= 4


def test_a_replica_is_whole_although_others_lie_between_its_folders() -> None:
    store = Counting()
    old(store, "", 1200)
    for number in range(1500):
        store.put(f"h/{number:06}", b"x")
    new(store, "", 1300)
    old(store, "z/", 2)
    assert folders(discover(store)) == {"": 2502, "z/": 3}


def test_a_replica_behind_other_objects_of_its_folder_is_found_once() -> None:
    store = Counting()
    for number in range(1500):
        store.put(f"a/{number:06}", b"x")
    new(store, "", 2600)
    assert folders(discover(store)) == {"": 2601}


def test_folders_with_the_names_of_a_layout_that_are_none_are_looked_into() -> None:
    store = Counting()
    for number in range(1500):
        store.put(f"a/{number:06}", b"x")
        store.put(f"ltx/a/{number:06}", b"x")
    old(store, "ltx/app.db/")
    assert folders(discover(store)) == {"ltx/app.db/": 2}


def test_a_folder_that_looks_left_in_another_order_is_not_forgotten(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for number in range(1100):
        (tmp_path / "a" / "x").mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / "x" / f"{number:05}").touch()
    old(store, "a-b/")
    old(store, "a.b/")
    assert folders(discover(store)) == {"a-b/": 2, "a.b/": 2}


def test_what_is_found_is_told_at_once_and_again_when_it_is_whole() -> None:
    store = Counting()
    old(store, "a/", 2500)
    old(store, "b/")
    told: list[Found] = []
    discover(store, on_found=told.append)
    states = [(found.folder, found.complete) for found in told]
    assert states[0] == ("a/", False)
    assert {each for each in states if each[1]} == {("a/", True), ("b/", True)}
    assert len(set(states)) == len(states) <= 4


def test_what_cannot_be_looked_into_is_named_and_the_rest_found() -> None:
    store = Counting()
    old(store, "open/")
    old(store, "closed/")
    store.denied = {"closed/"}
    result = discover(store)
    assert folders(result) == {"open/": 2}
    assert [str(error) for error in result.errors] == ["cannot list closed/"]
    store.denied = {""}
    with pytest.raises(AccessDenied):
        discover(store)


def test_a_bucket_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BucketNotFound):
        discover(FileStore(tmp_path / "none"))
    with pytest.raises(BucketNotFound):
        discover(MemoryStore("none", exists=False))


def test_it_ends_when_asked_to_also_while_nothing_answers() -> None:
    token = CancelToken()

    class Silent(MemoryStore):
        def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
            token.cancel()
            threading.Event().wait(30)
            return iter(())

    with pytest.raises(Cancelled):
        discover(Silent(), cancel=token)


def test_it_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REPLICAS", 3)
    store = Counting()
    for number in range(9):
        old(store, f"{number}/", 600)
    result = discover(store)
    assert result.cut_short
    assert 3 <= len(result.found) < 9


def test_links_in_a_circle_are_left(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    old(store, "a/")
    os.symlink(tmp_path, tmp_path / "a" / "again")
    assert folders(discover(store)) == {"a/": 2}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (f"a/b/{generations.snapshot_key(A, 1)}", "a/b/"),
        (generations.segment_key(B, 1, 32), ""),
        (f"x/{ltx.file_key(3, 1, 9)}", "x/"),
        (f"x/{ltx.s3_key(9, 1, 9)}", "x/"),
        (f"x{ltx.s3_key(9, 1, 9)}", None),
        (f"generations/{A}/other", None),
        ("a/generations/short/wal/00000000_00000000.wal.lz4", None),
        ("ltx/0/zzz.ltx", None),
    ],
)
def test_a_key_tells_its_replica(key: str, expected: str | None) -> None:
    found = replica_folder(key)
    assert (found[0] if found else None) == expected


@pytest.fixture(scope="module", params=["moto", "rclone", "sftp"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store on a server with three replicas and other things in it."""
    tree = tmp_path_factory.mktemp("tree")
    files = FileStore(tree)
    old(files, "db s/ä%20.db/", 3)
    old(files, "db s/other.db/", 3, B)
    new(files, "new.db/", 1100, s3=True)
    files.put("readme.txt", b"x")
    if request.param == "sftp":
        root = tmp_path_factory.mktemp("served")
        with rclone_sftp(root, keys=tmp_path_factory.mktemp("keys")) as server:
            shutil.copytree(tree, root / "place" / "in")
            server.make_directory("beside")  # lets the server see both
            known = root / "known_hosts"
            known.write_text(server.known_host + "\n")
            with closing(sftp_of(server, "place/in", known)) as store:
                yield store
        return
    started = moto_s3() if request.param == "moto" else rclone_s3(tmp_path_factory.mktemp("rclone"))
    with started as server:
        bucket = server.make_bucket("backups")
        upload_tree(server, bucket, "in/", tree)
        place = ReplicaConfig(
            "s3",
            "s3",
            bucket=bucket,
            path="in",
            endpoint=server.endpoint,
            access_key_id=Secret(server.access_key),
            secret_access_key=Secret(server.secret_key),
        )
        store = open_store(place)
        assert isinstance(store, ObjectStore)
        with closing(store):
            yield store


def test_servers_show_their_replicas(served: Store) -> None:
    result = discover(served)
    assert folders(result) == {"db s/ä%20.db/": 4, "db s/other.db/": 4, "new.db/": 1101}
    assert folders(discover(served, prefix="db s/")) == {"db s/ä%20.db/": 4, "db s/other.db/": 4}
