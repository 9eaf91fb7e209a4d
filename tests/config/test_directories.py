"""Whole directories: which files count, what each database's replica is, and that Litestream agrees."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings, load
from sqlite_recovery_tui.config.directories import find, matcher
from sqlite_recovery_tui.errors import NotFoundError
from tests.config.conftest import Loader
from tests.support.litestream import litestream
from tests.support.process import output


def make(path: Path) -> Path:
    """Make a small database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE t(a)")
        connection.execute("INSERT INTO t VALUES (?)", (str(path),))
        connection.commit()
    return path


@pytest.fixture
def tenants(tmp_path: Path) -> Path:
    """Three databases, and all that lies beside databases without being one."""
    folder = tmp_path / "tenants"
    for name in ("b.db", "a.db", "eu/c.db"):
        make(folder / name)
    make(folder / "other.sqlite")
    make(folder / "a.db.undo-20260326T103000Z-12ab" / "a.db")
    make(folder / ".a.db-sqlrecover" / "x.db")
    make(folder / ".a.db-litestream" / "x.db")
    make(folder / "scratch" / "x.db")
    (folder / "notes.db").write_text("not a database")
    (folder / "empty.db").touch()
    (folder / "folder.db").mkdir()
    (folder / "link.db").symlink_to("a.db")
    return folder


def text_of(tenants: Path, replica: str, more: str = "") -> str:
    return (
        f"sqlrecover: {{scratch-dir: {tenants}/scratch}}\n"
        f'dbs:\n- {{dir: {tenants}, pattern: "*.db", recursive: true, replica: {replica}{more}}}\n'
    )


def names(settings: Settings, tenants: Path) -> list[str]:
    return [str(database.path.relative_to(tenants)) for database in settings.databases]


def test_every_database_that_matches_is_found_and_nothing_else(loaded: Loader, tenants: Path) -> None:
    settings = loaded(text_of(tenants, "{path: /r}"))
    assert names(settings, tenants) == ["a.db", "b.db", "eu/c.db"]
    assert settings.warnings == ()
    flat = loaded(f'dbs:\n- {{dir: {tenants}, pattern: "[^b].db", replica: {{path: /r}}}}\n')
    assert names(flat, tenants) == ["a.db"]


@pytest.mark.parametrize(
    ("replica", "urls"),
    [
        ("{path: /r}", ["file:///r/a.db", "file:///r/eu/c.db"]),
        ("{url: 'file:///r'}", ["file:///r/a.db", "file:///r/eu/c.db"]),
        ("{url: 's3://b/x'}", ["s3://b/x/a.db", "s3://b/x/eu/c.db"]),
        ("{url: 's3://b'}", ["s3://b/a.db", "s3://b/eu/c.db"]),
        ("{type: gs, bucket: b, path: x}", ["gs://b/x/a.db", "gs://b/x/eu/c.db"]),
        ("{url: 'sftp://me@h/srv'}", ["sftp://me@h/srv/a.db", "sftp://me@h/srv/eu/c.db"]),
    ],
)
def test_each_has_a_path_of_its_own_at_the_replica(
    loaded: Loader, tenants: Path, replica: str, urls: list[str]
) -> None:
    settings = loaded(text_of(tenants, replica, ", meta-path: /m"))
    first, _, last = settings.databases
    assert [first.replicas[0].url, last.replicas[0].url] == urls
    assert [str(each.meta_path) for each in settings.databases] == ["/m", "/m", "/m/eu"]


def test_one_that_is_gone_is_known_by_its_path_and_one_named_itself_comes_first(
    loaded: Loader, tenants: Path
) -> None:
    named = f"- {{path: {tenants}/b.db, replica: {{path: /own}}}}\n"
    settings = loaded(text_of(tenants, "{path: /r}") + named)
    assert [each.replicas[0].path for each in settings.databases if each.name == "b.db"] == ["/own"]
    for wanted in (f"{tenants}/us/gone.db", "us/gone.db"):
        gone = settings.database(wanted)
        assert (gone.path, gone.replicas[0].path) == (tenants / "us/gone.db", "/r/us/gone.db")
    for wanted in (
        f"{tenants}/gone.sqlite",
        f"{tenants}/../gone.db",
        f"{tenants}/x.undo-20260326T103000Z/a.db",
    ):
        with pytest.raises(NotFoundError):
            settings.database(wanted)


def test_what_keeps_databases_from_being_found_is_told(loaded: Loader, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for folder, told in (("none", "no database there has a name like x*"), ("missing", "no such file")):
        text = f"dbs:\n- {{dir: {tmp_path}/{folder}, pattern: x*, replica: {{path: /r}}}}\n"
        (warning,) = loaded(text).warnings
        assert told in warning
        assert "dbs[0].dir (line 2)" in warning


def test_what_is_followed_is_not_opened(loaded: Loader, tenants: Path) -> None:
    (directory,) = loaded(text_of(tenants, "{path: /r}")).directories
    (tenants / "a.db").write_text("nobody reads this")
    found = [each.path.name for each in find(directory, known={tenants / "a.db"})]
    assert found == ["a.db", "b.db", "c.db"]


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("*.db", ["a.db", ".db", "a\nb.db"], ["a.dbx", "a/b.db"]),
        ("?[a-c].db", ["xb.db"], ["b.db", "xd.db", "/b.db"]),
        ("[^a-c]*", ["d", "dd"], ["a", "cd", "/x"]),
        (r"\*[\]\-x].db", ["*].db", "*-.db", "*x.db"], ["a].db"]),
        ("a+(b).db", ["a+(b).db"], ["aab.db"]),
    ],
)
def test_patterns_mean_what_they_mean_to_litestream(pattern: str, fits: list[str], fails: list[str]) -> None:
    assert [name for name in fits + fails if matcher(pattern).fullmatch(name)] == fits


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "[-a]", "[a-]", "[b-a]", "a\\", "[a\\"])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        matcher(pattern)


def test_litestream_puts_the_history_of_each_where_it_is_looked_for(
    config_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tenants"
    for name in ("a.db", "eu/c.db"):
        make(folder / name)
    config_file.write_text(text_of(folder, f"{{path: {tmp_path}/r}}").partition("\n")[2])
    code, answer = output([litestream("0.5.17"), "replicate", "-config", config_file, "-once"])
    assert code == 0, answer
    replicas = [each.replicas[0] for each in load(config_file, environ={}).databases]
    assert [len(list(Path(replica.path).glob("ltx/0/*.ltx"))) for replica in replicas] == [1, 1]
