"""`browse` finds what no configuration names, with its reach, and says what the configuration knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sqlite_recovery_tui import config
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.replica.browse import known_places, place_at
from tests.cli.conftest import Cli
from tests.support.corpus import case

CONFIGURATION = """
dbs:
  - path: {folder}/shop.db
    replicas:
      - path: {folder}/backups/shop
  - path: {folder}/jobs.db
    replicas:
      - name: far
        url: s3://bucket/eu/jobs
        endpoint: http://localhost:1
        access-key-id: AKID
        secret-access-key: not-to-be-seen
"""


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """A folder with a configured replica, a forgotten one and something else."""
    folder = tmp_path / "backups"
    shutil.copytree(case("v03-plain", tmp_path / "one").replica, folder / "shop")
    shutil.copytree(folder / "shop", folder / "old" / "tenants" / "deleted.db")
    (folder / "notes.txt").write_text("x")
    return folder


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "litestream.yml"
    file.write_text(CONFIGURATION.format(folder=tmp_path))
    file.chmod(0o600)
    return file


def test_replicas_are_found_without_a_configuration(backups: Path, cli: Cli) -> None:
    answer = cli("browse", str(backups))
    assert answer.code == 0
    first, second = answer.rows()
    assert first[0] == (backups / "old" / "tenants" / "deleted.db").as_uri()
    assert second[0] == (backups / "shop").as_uri()
    assert first[1] == "v0.3"
    assert first[-1] == "no"


def test_what_the_configuration_knows_is_said(backups: Path, configuration: Path, cli: Cli) -> None:
    answer = cli("browse", "-config", str(configuration), backups.as_uri())
    assert answer.code == 0
    assert "shop.db file, not on this host" in answer.out
    (configuration.parent / "shop.db").touch()
    assert "not on this host" not in cli("browse", "-config", str(configuration), backups.as_uri()).out


def test_the_document_tells_all_of_it(backups: Path, configuration: Path, cli: Cli) -> None:
    document = cli("browse", "-config", str(configuration), str(backups), "--json").document
    assert document["url"] == backups.as_uri()
    assert document["complete"] is True
    assert document["errors"] == []
    forgotten, known = document["replicas"]
    assert (forgotten["configured"], forgotten["database"]) == (False, None)
    assert (known["configured"], known["replica"], known["database_exists"]) == (True, "file", False)
    assert known["timeline"]["objects"] > 3
    assert forgotten["timeline"]["newest"] == known["timeline"]["newest"]


def test_nothing_found_is_3_and_a_place_that_is_not_there_is_6(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "empty").mkdir()
    answer = cli("browse", str(tmp_path / "empty"))
    assert answer.code == 3
    assert "no replica was found below file://" in answer.err
    assert cli("browse", f"file://{tmp_path}/none", "--json").error["kind"] == "bucket-not-found"
    assert cli("browse", f"file://{tmp_path}/none").code == 6
    assert cli("browse", "nothing-like-a-place").code == 2
    assert cli("browse").code == 2


@pytest.fixture
def settings(configuration: Path) -> Settings:
    return config.load(configuration)


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/us?endpoint=http://localhost:1"])
def test_a_bucket_is_read_with_the_credentials_of_its_replica(settings: Settings, url: str) -> None:
    place = place_at(settings, url)
    assert place.secret_access_key is not None
    assert place.endpoint == "http://localhost:1"
    assert place.path == url.partition("?")[0].removeprefix("s3://bucket").strip("/")


@pytest.mark.parametrize("url", ["s3://other", "s3://bucket?endpoint=http://localhost:2"])
def test_another_bucket_is_not(settings: Settings, url: str) -> None:
    assert place_at(settings, url).secret_access_key is None


def test_places_worth_looking_at_are_those_that_replicas_lie_in(settings: Settings, tmp_path: Path) -> None:
    assert known_places(settings) == [
        (tmp_path / "backups").as_uri(),
        "s3://bucket?endpoint=http://localhost:1",
    ]
    assert known_places(None) == []
