"""Replicas without a path, as Litestream 0.5 spells their keys: read, listed, deleted by just those keys."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import load, replica_from_url
from sqlite_recovery_tui.errors import ObjectNotFound
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_many, get_written_times
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.storage.ranges import get_ranges
from tests.storage.conftest import s3_of
from tests.support.fault_proxy import fault_proxy
from tests.support.litestream import litestream
from tests.support.servers import S3Server

NAME = "0000000000000001-0000000000000001.ltx"
SPELT = {"s3://{}": f"./0000/{NAME}", "s3://{}/": f"/0000/{NAME}"}


def replicate(server: S3Server, folder: Path, *arguments: str) -> None:
    """Make a database and ship it once by the real Litestream."""
    program = litestream("0.5.17")
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("PRAGMA journal_mode=wal")
        database.execute("CREATE TABLE t AS SELECT 'a row' AS x")
        database.commit()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        command = [program, "replicate", "-once", *arguments]
        subprocess.run(command, env=environ | server.environ, check=True, capture_output=True, timeout=60)


def query(server: S3Server) -> str:
    return f"?endpoint={server.endpoint}&forcePathStyle=true&region={server.region}"


@pytest.fixture
def at_top(moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, str]]:
    """A bucket's store, and the bucket, with LTX files under either spelling, v0.3's keys and others."""
    for name, value in moto.environ.items():
        monkeypatch.setenv(name, value)
    bucket = moto.make_bucket(f"top-{os.urandom(4).hex()}")
    for number, url in enumerate(SPELT):
        (tmp_path / str(number)).mkdir()
        database = tmp_path / str(number) / "app.db"
        replicate(moto, database.parent, str(database), url.format(bucket) + query(moto))
    for key in (f"0000/{NAME}", f"generations/{'a' * 16}/snapshots/00000000.snapshot.lz4"):
        moto.put(bucket, key, key.encode())
    store = open_store(replica_from_url(f"s3://{bucket}{query(moto)}"))
    with closing(store):
        yield store, bucket


def keys_of(store: Store, prefix: str = "") -> list[str]:
    return sorted(info.key for page in store.list(prefix) for info in page)


def test_each_spelling_is_listed_and_read_by_its_own_key(at_top: tuple[Store, str]) -> None:
    store, _ = at_top
    listed = {info.key: info for page in store.list() for info in page}
    generation = f"generations/{'a' * 16}/snapshots/00000000.snapshot.lz4"
    assert sorted(listed) == sorted([*SPELT.values(), f"0000/{NAME}", generation])
    now = datetime.now(UTC)
    for key in SPELT.values():
        data = store.get(key)
        assert data[:4] == b"LTX1"
        head = store.head(key)
        assert (head.key, head.size, head.etag) == (key, len(data), listed[key].etag)
        assert store.answers_ranges(key)
        assert store.get_range(key, len(data) - 16, 16) == data[-16:]
        assert b"".join(store.stream(key, start=100, chunk_bytes=64)) == data[100:]
        ((_, written),) = get_written_times(store, [key])
        assert written is not None
        assert abs(now - written) < timedelta(minutes=1)
        assert written.microsecond % 1000 == 0
    assert store.get(f"0000/{NAME}") == f"0000/{NAME}".encode()
    first, second = (store.get(key) for key in SPELT.values())
    assert first[24:100] != second[24:100], "two databases, not one under two names"


def test_prefixes_and_folders_keep_them_apart(at_top: tuple[Store, str]) -> None:
    store, _ = at_top
    assert keys_of(store, "/") == [f"/0000/{NAME}"]
    assert keys_of(store, "./0") == [f"./0000/{NAME}"]
    assert keys_of(store, "0000/") == keys_of(store, "0") == [f"0000/{NAME}"]
    assert list(store.list_folders()) == ["./", "/", "0000/", "generations/"]
    assert list(store.list_folders("/")) == ["/0000/"]
    assert list(store.list_folders("./")) == ["./0000/"]


def test_a_leading_slash_alone_is_seen_too(moto: S3Server) -> None:
    bucket = moto.make_bucket("slash-alone")
    moto.put(bucket, f"/0000/{NAME}", b"with")
    moto.put(bucket, f"0000/{NAME}", b"without")
    with closing(s3_of(moto, bucket, path="")) as store:
        assert keys_of(store) == [f"/0000/{NAME}", f"0000/{NAME}"]
        assert list(store.list_folders()) == ["/", "0000/"]
        assert [store.get(key) for key in keys_of(store)] == [b"with", b"without"]


def test_deleting_one_spelling_leaves_the_others(at_top: tuple[Store, str]) -> None:
    store, _ = at_top
    before = keys_of(store)
    for key in SPELT.values():
        store.delete([key, "/0000/never was"])
        before.remove(key)
        assert keys_of(store) == before
        with pytest.raises(ObjectNotFound) as caught:
            store.get(key)
        assert caught.value.object == key


def test_many_are_read_in_parallel(moto: S3Server) -> None:
    bucket = moto.make_bucket("many-at-top")
    keys = [f"{lead}/0000/{number:016x}-{number:016x}.ltx" for number in range(40) for lead in ("", ".")]
    for key in keys:
        moto.put(bucket, key, key.encode())
    store = s3_of(moto, bucket, path="")
    assert keys_of(store) == sorted(keys)
    assert list(get_many(store, keys, concurrency=8)) == [(key, key.encode()) for key in keys]
    parts = [(key, 2, 5) for key in keys]
    assert [data for _, data in get_ranges(store, parts)] == [key.encode()[2:7] for key in keys]
    store.close()


def test_connections_are_used_again(moto: S3Server) -> None:
    bucket = moto.make_bucket("reused")
    for number in range(50):
        moto.put(bucket, f"/0000/{number}", b"x")
    with fault_proxy(moto.endpoint) as proxy:
        accepted: list[object] = []
        accept = proxy.get_request
        proxy.get_request = lambda: accepted.append(1) or accept()  # type: ignore[func-returns-value, method-assign]
        store = s3_of(moto, bucket, path="", endpoint=proxy.endpoint)
        keys = keys_of(store)
        assert [key for key, _ in get_many(store, keys, concurrency=4)] == keys
        assert all(time is None for _, time in get_written_times(store, keys, concurrency=4))
        store.close()
    assert len(proxy.requests) == 101
    assert len(accepted) <= 9


@pytest.mark.parametrize("written", ["/app", "app/", "/app/", "./app"])
def test_a_path_of_the_file_is_read_as_either_version_spells_it(
    moto: S3Server, tmp_path: Path, written: str
) -> None:
    """Litestream 0.3 tidies the path, 0.5 does not: after an upgrade there are objects below both."""
    bucket = moto.make_bucket(f"literal-{os.urandom(4).hex()}")
    file = tmp_path / "litestream.yml"
    place = f"type: s3, bucket: {bucket}, path: {written}, endpoint: '{moto.endpoint}', region: {moto.region}"
    keys = f"access-key-id: {moto.access_key}, secret-access-key: {moto.secret_key}"
    replica = f"{{{place}, force-path-style: true, {keys}}}"
    file.write_text(f"dbs:\n  - path: {tmp_path / 'app.db'}\n    replica: {replica}\n")
    replicate(moto, tmp_path, "-config", str(file))
    generation = f"generations/{'a' * 16}/snapshots/00000000.snapshot.lz4"
    moto.put(bucket, f"app/{generation}", b"0.3")
    moto.put(bucket, f"application/0000/{NAME}", b"another's")
    if written != "app/":
        moto.put(bucket, f"app//0000/{NAME}", b"would be spelt alike")
    ltx = f"/0000/{NAME}"
    with closing(open_store(load(file, environ={}).databases[0].replicas[0])) as store:
        assert keys_of(store) == [ltx, generation]
        assert keys_of(store, "gen") == [generation]
        assert keys_of(store, "/000") == [ltx]
        assert list(store.list_folders("/")) == ["/0000/"]
        assert store.get(generation) == b"0.3"
        assert store.get(ltx)[:4] == b"LTX1"
        assert store.get_range(ltx, 0, 4) == b"LTX1"
        assert store.written_time(ltx) is not None
        store.delete([ltx])
        assert keys_of(store) == [generation]
