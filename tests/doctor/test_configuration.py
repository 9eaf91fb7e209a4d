"""What a configuration says that its author did not mean is found, each by its own check."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui import config
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.doctor.configuration import examine, retention
from tests.doctor.support import bad, by_name, database

GOOD = """
dbs:
  - path: {folder}/app.db
    replicas:
      - {{url: "s3://one/app", region: eu-west-1, retention: 72h, snapshot-interval: 12h}}
      - {{url: "s3://two/app", region: us-east-1, retention: 72h, snapshot-interval: 12h}}
"""


def settings(folder: Path, text: str, mode: int = 0o600) -> config.Settings:
    file = folder / "litestream.yml"
    file.write_text(text.format(folder=folder))
    file.chmod(mode)
    return config.load(file)


def test_a_good_one_is_ok_throughout(tmp_path: Path) -> None:
    found = list(examine(settings(tmp_path, GOOD)))
    assert bad(found) == {}
    assert "places of app.db" in by_name(found)


def test_keys_without_effect(tmp_path: Path) -> None:
    found = by_name(examine(settings(tmp_path, GOOD + "verify-compaction: true\n")))
    assert found["keys"].status == "warn"
    assert "verify-compaction" in found["keys"].message
    assert found["secrets"].status == "ok"


def test_keys_that_the_litestream_in_use_ignores(tmp_path: Path) -> None:
    found = by_name(examine(settings(tmp_path, GOOD + "snapshot: {{interval: 1h}}\n")))
    assert found["keys"].status == "warn"
    assert "v0.5 does not know" in found["keys"].message
    assert "retention" in found["keys"].message


def test_secrets_that_others_may_read(tmp_path: Path) -> None:
    text = GOOD + "access-key-id: k\nsecret-access-key: hidden\n"
    assert bad(examine(settings(tmp_path, text))) == {}
    found = by_name(examine(settings(tmp_path, text, 0o644)))
    assert found["secrets"].status == "fail"
    assert found["secrets"].hint == f"chmod 600 {tmp_path}/litestream.yml"
    assert found["keys"].status == "ok"
    assert "hidden" not in str(found)


def test_a_key_file_that_others_may_read(tmp_path: Path) -> None:
    key = tmp_path / "id"
    key.write_text("key")
    key.chmod(0o640)
    text = GOOD + '      - {{url: "sftp://me@host/app", key-path: "{folder}/id"}}\n'
    assert by_name(examine(settings(tmp_path, text)))["secrets"].status == "fail"
    key.chmod(0o600)
    assert by_name(examine(settings(tmp_path, text)))["secrets"].status == "ok"


def test_two_databases_on_one_path(tmp_path: Path) -> None:
    text = GOOD + '  - path: {folder}/jobs.db\n    replicas: [{{url: "s3://two/app/", region: us-east-1}}]\n'
    check = by_name(examine(settings(tmp_path, text)))["paths"]
    assert check.status == "fail"
    assert "app.db s3-2 and jobs.db s3 (s3://two/app)" in check.message


def test_a_directory_is_judged_once_whatever_is_in_it(tmp_path: Path) -> None:
    tenants = tmp_path / "tenants"
    tenants.mkdir()
    for name in ("a.db", "b.db"):
        database(tenants / name)
    replica = '{{url: "s3://two/tenants", region: us-east-1, retention: 72h, snapshot-interval: 12h}}'
    text = GOOD + '  - {{dir: {folder}/tenants, pattern: "*.db", replica: ' + replica + "}}\n"
    found = by_name(examine(settings(tmp_path, text)))
    assert found["paths"].status == "ok"
    assert [name for name in found if "tenants" in name] == [
        f"places of {tenants}/*.db",
        f"retention of {tenants}/*.db s3",
    ]
    more = "  - path: {folder}/own.db\n    replicas: [{{url: 's3://two/tenants/b.db', region: us-east-1}}]\n"
    check = by_name(examine(settings(tmp_path, text + more)))["paths"]
    assert check.status == "fail"
    assert "own.db s3 and b.db s3 (s3://two/tenants/b.db)" in check.message
    twice = text + text.rpartition("- {{dir")[2].join(["  - {{dir", ""]).replace("*.db", "*.sqlite")
    assert by_name(examine(settings(tmp_path, twice)))["paths"].status == "fail"


@pytest.mark.parametrize(
    ("replicas", "status", "told"),
    [
        ("", "fail", "no replica"),
        ("{{path: {folder}/a}}, {{path: {folder}/b}}", "warn", "this machine"),
        ("{{url: 's3://one/a', region: eu-west-1}}", "warn", "one place, s3 eu-west-1"),
        ("{{url: 's3://one/a', region: x}}, {{url: 's3://two/a', region: x}}", "warn", "one place, s3 x"),
        ("{{url: 's3://one/a', region: x}}, {{path: {folder}/a}}", "ok", "s3 x and this machine"),
    ],
)
def test_the_loss_of_one_place(tmp_path: Path, replicas: str, status: str, told: str) -> None:
    text = "dbs:\n  - path: {folder}/app.db\n    replicas: [" + replicas + "]\n"
    check = by_name(examine(settings(tmp_path, text)))["places of app.db"]
    assert check.status == status
    assert told in check.message


@pytest.mark.parametrize(
    ("kept", "every", "status"),
    [
        (72, 12, "ok"),
        (72, None, "warn"),
        (None, None, "warn"),
        (24, 24, "warn"),
        (24, 48, "warn"),
        (None, 6, "ok"),
        (0, None, "warn"),
    ],
)
def test_a_window_that_collapses(kept: int | None, every: int | None, status: str) -> None:
    hours = {"retention": kept, "snapshot_interval": every}
    given = {name: timedelta(hours=value) for name, value in hours.items() if value is not None}
    assert retention(ReplicaConfig("r", "s3", **given), "app.db r").status == status  # type: ignore[arg-type]
