"""Every key of Litestream is known, wrong ones are named with what was meant, unused ones warn once."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config.schema import OPTIONS, TOP, Key
from tests.config.conftest import Loader, Refused
from tests.support.litestream import litestream


def names(keys: tuple[Key, ...]) -> set[str]:
    return {name for key in keys for name in ({key.name} | names(key.keys))}


@pytest.mark.parametrize("version", ["0.3.13", "0.5.17"])
def test_knows_every_key_of_litestream(version: str) -> None:
    tags = re.findall(rb'yaml:"([a-z0-9-]+)', litestream(version).read_bytes())  # type: ignore[arg-type]
    theirs = {tag.decode() for tag in tags} - {"-"}
    assert len(theirs) > 30
    assert theirs <= names(TOP)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("retnetion: 1h", "retnetion", "did you mean retention?"),
        ("databases: []", "databases", "the nearest known key is"),
        ("access_key_id: x", "access_key_id", "did you mean access-key-id?"),
        ("ADDR: x", "ADDR", "did you mean addr?"),
        ("path: /a", "path", "path belongs in an entry of dbs or a replica"),
        ("dbs: [{path: /a, region: x}]", "dbs[0].region", "belongs in the top of the file or a replica"),
        ("dbs: [{path: /a, replica: {scratch-dir: /s}}]", "dbs[0].replica.scratch-dir", "in sqlrecover"),
        ("dbs: [{}, {replicas: [{}, {syncintervl: 1s}]}]", "dbs[1].replicas[1].syncintervl", "sync-interval"),
        ("logging: {levl: x}", "logging.levl", "did you mean level?"),
        ("sqlrecover: {thresholds: {behind: {warm: 1s}}}", "sqlrecover.thresholds.behind.warm", "warn?"),
        ("'a b': 1", "?", "unknown key"),
    ],
)  # fmt: skip
def test_unknown_keys(refused: Refused, text: str, key: str, message: str) -> None:
    error = refused(text)
    assert error.key == key
    assert error.message.startswith(f"{key}: unknown key; ")
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dbs: {path: /a}", "dbs: expected a list (lines that begin with a dash), not a mapping"),
        ("dbs: /a", "dbs: expected a list (lines that begin with a dash), not a single value"),
        ("dbs: [/a]", "dbs[0]: expected a mapping of keys to values, not a single value"),
        ("region: [a]", "region: expected a single value, not a list"),
        ("dbs: [{path: {a: b}}]", "dbs[0].path: expected a single value, not a mapping"),
        ("skip-verify: 1", 'skip-verify: expected true or false, not "1"'),
        ('skip-verify: "true"', 'skip-verify: expected true or false without quotes, not "true"'),
        ("concurrency: many", 'concurrency: expected a whole number such as 1000, not "many"'),
        ("concurrency: 010", 'not "010"; YAML reads a leading zero as octal'),
        ("concurrency: 1.5", 'not "1.5"'),
        ("sync-interval: 7d", '"7d" is not a duration: the longest unit is the hour; write 168h; expected'),
        ("sync-interval: soon", '"soon" is not a duration: expected a duration such as 30s, 1m30s or 24h'),
        ("sync-interval: 1:30", '"1:30" is not a duration'),
        ('sync-interval: "30"', '"30" is not a duration: the unit is missing'),
        ("sync-interval: 1.5", '"1.5" is not a duration'),
        ("part-size: big", '"big" is not a size: expected a size such as 64MiB'),
        (
            "bucket: no",
            'bucket: text is expected, but YAML reads this word as true or false; put it in "quotes"',
        ),
        ("bucket: On", "put it in"),
        ("retention: 24h", "retention: expected a mapping of keys to values, not a single value"),
        ("sqlrecover: {promote-mode: copy}", 'expected online or swap, not "copy"'),
    ],
)
def test_wrong_types(refused: Refused, text: str, message: str) -> None:
    assert message in refused(text).message


def test_text_stays_as_it_was_written(loaded: Loader) -> None:
    text = "dbs: [{path: /a, replicas: [{type: s3, bucket: 0123, path: 12:30:45, region: 1e3, name: 'no'}]}]"
    (replica,) = loaded(text).databases[0].replicas
    assert (replica.bucket, replica.path, replica.region, replica.name) == ("0123", "12:30:45", "1e3", "no")


@pytest.mark.parametrize(
    ("word", "meant"), [("yes", True), ("On", True), ("y", True), ("FALSE", False), ("n", False)]
)
def test_booleans_as_yaml_writes_them(loaded: Loader, word: str, meant: bool) -> None:
    text = f"dbs: [{{path: /a, replicas: [{{url: 's3://b', skip-verify: {word}}}]}}]"
    assert loaded(text).databases[0].replicas[0].skip_verify is meant


@pytest.mark.parametrize("nothing", ["", "~", "null", '""', "$UNSET", '"$UNSET"'])
def test_nothing_is_the_same_as_not_given(loaded: Loader, nothing: str) -> None:
    replica = f"{{path: /r, name: {nothing} }}"
    text = f"region: {nothing}\ndbs:\n- path: /a\n  meta-path: {nothing}\n  replicas: [{replica}]\n"
    database = loaded(text).databases[0]
    assert (database.meta_path, database.replicas[0].name, database.replicas[0].region) == (
        None,
        "file",
        None,
    )


def test_bare_integers_are_nanoseconds(loaded: Loader) -> None:
    settings = loaded("dbs:\n- path: /a\n  monitor-interval: 1000000000\n  checkpoint-interval: 60\n")
    assert settings.databases[0].monitor_interval == timedelta(seconds=1)
    (warning,) = settings.warnings
    assert "dbs[0].checkpoint-interval (line 4): a bare number counts nanoseconds" in warning


def test_unused_keys_of_litestream_are_one_warning(loaded: Loader) -> None:
    settings = loaded(
        """\
        addr: ":9090"
        exec: myapp -x
        logging: {level: debug, type: json, stderr: true}
        dbs:
          - path: /a
            replicas:
              - url: s3://bucket/one
                storage-class: GLACIER
                part-size: 5MiB
          - path: /b
            truncate-page-n: 5
            replicas:
              - url: s3://bucket/two
                storage-class: GLACIER
        """
    )
    (warning,) = settings.warnings
    assert warning.endswith(
        "keys of Litestream that have no effect here: stderr (line 3), "
        "storage-class (line 8), part-size (line 9), truncate-page-n (line 11)"
    )
    assert len(settings.databases) == 2


def test_tells_when_v05_ignores_a_key_of_v03(loaded: Loader) -> None:
    old = "dbs:\n- path: /a\n  replicas:\n  - path: /r\n    retention: 720h\n"
    assert loaded(old).warnings == ()
    (warning,) = loaded(old.replace("replicas:\n  -", "replica:\n   ")).warnings
    assert warning.endswith("keys that Litestream v0.5 does not know any more: retention (line 5)")


def test_warnings_name_the_file(loaded: Loader, config_file: Path) -> None:
    assert loaded("levels: []\nmcp-addr: x\ndbs: [{path: /a}]").warnings[0].startswith(f"{config_file}: ")


def test_our_keys_are_skipped_by_litestream(tmp_path: Path) -> None:
    file = tmp_path / "litestream.yml"
    every = ", ".join(f"{key.name}: 1" for key in OPTIONS)
    file.write_text(
        f"sqlrecover: {{{every}}}\ndbs: [{{path: /a, sqlrecover: {{{every}}}, "
        f"replicas: [{{path: /r, sqlrecover: {{{every}}}}}]}}]\n"
    )
    for version in ("0.3.13", "0.5.17"):
        subprocess.run([litestream(version), "databases", "-config", file], check=True, capture_output=True)
