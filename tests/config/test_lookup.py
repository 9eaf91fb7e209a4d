"""Databases are found by whatever an operator types, and the configuration by its usual places."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlite_recovery_tui.config import DatabaseConfig, Settings, find, load
from sqlite_recovery_tui.config.search import SYSTEM_FILES
from sqlite_recovery_tui.errors import ConfigError, NotFoundError, UsageError


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "link").symlink_to(tmp_path / "data")
    paths = ("data/app.db", "data/jobs.db", "eu/orders.db", "us/orders.db", "home/me.db")
    file = tmp_path / "litestream.yml"
    file.write_text("dbs:\n" + "".join(f"- path: {path}\n" for path in paths[:4]) + "- path: ~/me.db\n")
    return load(file)


def test_by_path_in_any_spelling_or_unique_name(settings: Settings, tmp_path: Path) -> None:
    app = settings.databases[0]
    for wanted in (
        "data/app.db",
        f"{tmp_path}/data/app.db",
        "./data/../data/app.db",
        "app.db",
        "link/app.db",
    ):
        assert settings.database(wanted) is app
    assert settings.database(f"sqlite://{tmp_path}/data/app.db") is app
    assert settings.database("~/me.db") is settings.database(f"{tmp_path}/home/me.db")
    assert settings.database("us/orders.db").path == tmp_path / "us" / "orders.db"


def test_a_path_comes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    databases = (DatabaseConfig(Path("/x/app.db"), "app.db"), DatabaseConfig(tmp_path / "app.db", "app.db"))
    assert Settings(databases=databases).database("app.db") is databases[1]


def test_ambiguous_name_lists_the_candidates(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fits more than one database") as caught:
        settings.database("orders.db")
    assert f"{tmp_path}/eu/orders.db, {tmp_path}/us/orders.db" in caught.value.message


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("ap.db", "did you mean app.db?"),
        ("/elsewhere/job.db", "did you mean jobs.db?"),
        ("xyz", "known databases: app.db, jobs.db, orders.db, me.db"),
        ("", "known databases"),
        ("a\0b", "known databases"),
        ("\ud800", "known databases"),
        ("x" * 5000, "known databases"),
    ],
)
def test_unknown_database_names_the_nearest(settings: Settings, wanted: str, hint: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        settings.database(wanted)
    assert hint in caught.value.hint
    assert caught.value.code == 3


def test_unknown_database_among_many_and_none() -> None:
    many = tuple(DatabaseConfig(Path(f"/d/{n:02}.sqlite"), f"{n:02}.sqlite") for n in range(40))
    with pytest.raises(NotFoundError) as caught:
        Settings(databases=many).database("app")
    assert caught.value.hint.endswith("04.sqlite and 35 more")
    with pytest.raises(NotFoundError, match='no database "app"') as caught:
        Settings().database("app")
    assert "replica URL" in caught.value.hint


def test_search_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("sqlrecover.yml", "litestream.yml", "etc-sqlrecover.yml", "etc-litestream.yml")
    places = [tmp_path / name for name in names]
    monkeypatch.setattr("sqlite_recovery_tui.config.search.SYSTEM_FILES", tuple(places[2:]))
    assert find({}, tmp_path) is None
    for place in reversed(places):
        place.touch()
        assert find({}, tmp_path) == place
    theirs = {"LITESTREAM_CONFIG": "/theirs.yml"}
    assert find(theirs, tmp_path) == Path("/theirs.yml")
    assert find({**theirs, "SQLRECOVER_CONFIG": "/ours.yml"}, tmp_path) == Path("/ours.yml")
    assert find({"SQLRECOVER_CONFIG": "~/x.yml", "HOME": "/home/me"}, tmp_path) == Path("/home/me/x.yml")
    assert find({"SQLRECOVER_CONFIG": ""}, tmp_path) == places[0]


def test_the_usual_places_are_those_of_litestream() -> None:
    assert [str(place) for place in SYSTEM_FILES] == ["/etc/sqlrecover.yml", "/etc/litestream.yml"]


def test_directories_are_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite_recovery_tui.config.search.SYSTEM_FILES", ())
    (tmp_path / "litestream.yml").mkdir()
    assert find({}, tmp_path) is None


def test_a_named_file_that_is_not_there_is_reported_by_load(tmp_path: Path) -> None:
    named = find({"SQLRECOVER_CONFIG": str(tmp_path / "typo.yml")}, tmp_path)
    assert named is not None
    with pytest.raises(ConfigError, match="no such file"):
        load(named)


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "litestream.yml"
    file.write_text("dbs: [{path: /a}]")
    monkeypatch.setattr("sqlite_recovery_tui.config.search.SYSTEM_FILES", (file,))
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert find({}) == file
    assert load(file).databases[0].path == Path("/a")
    with pytest.raises(UsageError, match="the working directory is gone"):
        load(Path("litestream.yml"))


def test_settings_remember_their_file(settings: Settings, tmp_path: Path) -> None:
    assert settings.file == tmp_path / "litestream.yml"
    assert load(Path("litestream.yml")).file == settings.file
