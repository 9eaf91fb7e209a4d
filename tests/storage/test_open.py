"""From a configuration or URL to the right store, without asking anybody yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import ReplicaConfig, replica_from_url
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.storage import sftp
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.memory import shared_memory
from sqlite_recovery_tui.storage.open import open_store
from tests.storage.conftest import s3_config
from tests.support.servers import S3Server


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/app.db",
        "s3://bucket?endpoint=http://127.0.0.1:9000",
        "gs://bucket/app.db",
        "abs://account@container/app.db",
        "sftp://user@host:2222/backups/app.db",
        "file:///backups/app.db",
    ],
)
def test_each_scheme_has_its_store_and_nothing_is_asked_yet(url: str) -> None:
    store = open_store(replica_from_url(url))
    assert isinstance(store, Store)
    assert store.kind == url.partition(":")[0]
    assert store.url.startswith(store.kind + "://")
    store.close()


def test_a_directory_is_read_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "sp ace%20").mkdir()
    (tmp_path / "sp ace%20" / "k").write_bytes(b"1")
    config = ReplicaConfig("file", "file", path=str(tmp_path / "sp ace%20"))
    assert open_store(config).get("k") == b"1"
    assert open_store(replica_from_url(config.url)).get("k") == b"1"


def test_memory_is_shared_by_name() -> None:
    config = ReplicaConfig("memory", "memory", bucket="test-open", path="app")
    open_store(config).put("k", b"1")
    assert open_store(config).get("k") == b"1"
    assert shared_memory("test-open/app").get("k") == b"1"
    assert list(open_store(replace(config, path="other")).list()) == []


def test_an_empty_path_is_the_whole_bucket(moto: S3Server) -> None:
    bucket = moto.make_bucket("whole-bucket")
    store = open_store(s3_config(moto, bucket, path=""))
    store.put("generations/k", b"1")
    assert store.get("generations/k") == b"1"
    assert store.list_folders() == ["generations/"]
    below = open_store(s3_config(moto, bucket, path="generations"))
    assert [info.key for page in below.list() for info in page] == ["k"]


def test_a_root_that_is_an_odd_key_works_too(moto: S3Server) -> None:
    bucket = moto.make_bucket("odd-root")
    store = open_store(s3_config(moto, bucket, path="a//b/../c"))
    store.put("k/1", b"1")
    assert store.get("k/1") == b"1"
    assert [info.key for page in store.list() for info in page] == ["k/1"]
    assert [info.key for page in store.list("k") for info in page] == ["k/1"]
    assert store.list_folders() == ["k/"]
    store.close()


def test_sftp_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "find_spec", lambda _: None)
    with pytest.raises(StorageError, match="paramiko") as caught:
        open_store(replica_from_url("sftp://user@host/backups"))
    assert "sqlite-recovery-tui[sftp]" in caught.value.hint
