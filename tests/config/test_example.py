"""The example shows every option, loads as it is and with all options taken, here and in Litestream."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from sqlite_recovery_tui.config import DEFAULT_MEMORY_BYTES, Settings, load
from sqlite_recovery_tui.config.schema import DATABASE, OPTIONS, REPLICA, Key
from tests.support.litestream import litestream
from tests.support.process import output

EXAMPLE = Path(__file__).resolve().parents[2] / "config.example.yml"
ENVIRON = {
    "HOME": "/home/me",
    "EXAMPLE_SECRET_ACCESS_KEY": "secret",
    "EXAMPLE_SAS_TOKEN": "token",
    "EXAMPLE_SFTP_PASSWORD": "password",
    "EXAMPLE_AGE_IDENTITY": str(pyrage.x25519.Identity.generate()),
}


def uncommented(*, without: str = "") -> str:
    """Return the example with every option taken, except those of one version of Litestream."""
    text = EXAMPLE.read_text(encoding="utf-8")
    if without:
        version = re.escape(without)
        text = re.sub(rf"^ *# \[{version}$.*?^ *# {version}\]$\n", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^( *)#(?=[^ #\n])", r"\1", text, flags=re.MULTILINE)


@pytest.fixture
def full(config_file: Path) -> Settings:
    config_file.write_text(uncommented(), encoding="utf-8")
    return load(config_file, environ=ENVIRON)


def test_loads_as_it_is() -> None:
    settings = load(EXAMPLE, environ=ENVIRON)
    assert [str(database.path) for database in settings.databases] == ["/var/lib/app/app.db"]
    assert settings.warnings == ()


def test_loads_with_every_option(full: Settings) -> None:
    names = [database.name for database in full.databases]
    assert names == ["app.db", "orders.db", "events.db", "sessions.db", "audit.db", "ledger.db", "reports.db"]
    kinds = [replica.type for database in full.databases for replica in database.replicas]
    assert kinds == ["file", "s3", "s3", "abs", "sftp", "gs", "s3", "gs"]
    (warning,) = full.warnings
    assert "keys that Litestream v0.5 does not know any more" in warning


def test_shows_every_option_that_has_an_effect() -> None:
    def used(keys: tuple[Key, ...]) -> set[str]:
        found = {key.name for key in keys if key.used}
        return found.union(*(used(key.keys) for key in keys if key.used))

    shown = set(re.findall(r"(?:^|[ #{-])([a-z0-9-]+): ?", uncommented(), flags=re.MULTILINE))
    assert used(DATABASE) | used(REPLICA) | used(OPTIONS) <= shown


def test_values_shown_as_defaults_are_the_defaults(full: Settings) -> None:
    plain = load(EXAMPLE, environ=ENVIRON)
    assert full.memory_bytes == plain.memory_bytes == DEFAULT_MEMORY_BYTES
    assert full.scratch_dir == plain.scratch_dir
    app = full.databases[0]
    assert (app.monitor_interval, app.checkpoint_interval) == (timedelta(seconds=1), timedelta(minutes=1))
    assert (app.min_checkpoint_page_count, app.max_checkpoint_page_count) == (1000, 10000)
    (local,) = app.replicas
    assert (local.retention, local.sync_interval) == (timedelta(hours=24), timedelta(seconds=1))
    assert local.snapshot_interval == timedelta(0)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("0.3.13", EXAMPLE.read_text(encoding="utf-8")),
        ("0.3.13", uncommented()),
        ("0.5.17", EXAMPLE.read_text(encoding="utf-8")),
        ("0.5.17", uncommented(without="v0.3")),
    ],
)
def test_litestream_accepts_it_too(config_file: Path, version: str, text: str) -> None:
    binary = litestream(version)  # type: ignore[arg-type]
    config_file.write_text(text, encoding="utf-8")
    ours = load(config_file, environ=ENVIRON)
    code, answer = output([binary, "databases", "-config", config_file], environ=ENVIRON)
    assert code == 0, answer
    theirs = [line.split() for line in answer.splitlines()[1:]]
    assert [line[0] for line in theirs] == [str(database.path) for database in ours.databases]


def test_says_nothing_of_a_secret_in_the_clear(full: Settings, config_file: Path) -> None:
    config_file.chmod(0o644)
    assert any("chmod 600" in one for one in load(config_file, environ=ENVIRON).warnings)
    assert not any("chmod 600" in one for one in load(EXAMPLE, environ=ENVIRON).warnings)
