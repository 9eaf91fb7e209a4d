"""Which replicas a command is about, named by path, base name, replica name or URL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui import config
from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import BucketNotFound, NotFoundError, UsageError
from sqlite_recovery_tui.replica.fleet import ReplicaRef, refs, scan_replica
from tests.support.corpus import case

NOW = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
CONFIGURATION = """
dbs:
  - path: {folder}/shop.db
    replicas:
      - name: near
        path: {folder}/near
      - url: s3://bucket/shop?endpoint=http://localhost:1
        access-key-id: AKIDNEAR
        secret-access-key: not-to-be-seen
  - path: {folder}/jobs.db
    replicas:
      - path: {folder}/jobs
"""


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    file = tmp_path / "litestream.yml"
    file.write_text(CONFIGURATION.format(folder=tmp_path))
    file.chmod(0o600)
    return config.load(file)


def test_without_a_name_every_replica_is_meant(settings: config.Settings) -> None:
    assert [ref.label for ref in refs(settings, None)] == ["shop.db near", "shop.db s3", "jobs.db file"]


def test_a_database_is_named_by_path_or_base_name(settings: config.Settings, tmp_path: Path) -> None:
    by_name, by_path = refs(settings, "jobs.db"), refs(settings, str(tmp_path / "jobs.db"))
    assert by_name == by_path
    assert [ref.label for ref in by_name] == ["jobs.db file"]


def test_a_replica_name_picks_one_and_an_unknown_one_lists_those_there_are(settings: config.Settings) -> None:
    assert [ref.replica.name for ref in refs(settings, "shop.db", "s3")] == ["s3"]
    with pytest.raises(NotFoundError) as caught:
        refs(settings, "shop.db", "s4")
    assert "near, s3" in caught.value.hint


def test_a_url_that_the_configuration_knows_comes_with_its_credentials(settings: config.Settings) -> None:
    [ref] = refs(settings, "s3://bucket/shop?endpoint=http://localhost:1")
    assert ref.label == "shop.db s3"
    assert ref.replica.secret_access_key is not None
    assert ref.replica.secret_access_key.reveal() == "not-to-be-seen"


def test_another_url_stands_for_itself(settings: config.Settings) -> None:
    [ref] = refs(settings, "s3://bucket/other?endpoint=http://localhost:1")
    assert ref.database is None
    assert ref.replica.secret_access_key is None


def test_a_url_needs_no_configuration_and_a_name_does(tmp_path: Path) -> None:
    assert refs(None, tmp_path.as_uri())[0].database is None
    with pytest.raises(UsageError):
        refs(None, None)
    with pytest.raises(UsageError):
        refs(None, tmp_path.as_uri(), "s3")


def test_a_scan_tells_what_is_known_before_it_is_complete(tmp_path: Path) -> None:
    found = case("v03-plain", tmp_path)
    [ref] = refs(None, found.replica.as_uri())
    partial = []
    clock = FixedClock(NOW)
    state = scan_replica(ref, clock=clock, on_partial=partial.append)
    assert state.complete
    assert state.error is None
    assert state.as_of == NOW
    assert [each.complete for each in partial] == [False] * len(partial)
    assert partial


def test_a_failed_scan_is_a_state_not_an_exception(tmp_path: Path) -> None:
    state = scan_replica(ReplicaRef(None, config.replica_from_url(f"file://{tmp_path}/nowhere")))
    assert state.timeline is None
    assert isinstance(state.error, BucketNotFound)
