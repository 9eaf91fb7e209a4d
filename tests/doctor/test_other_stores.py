"""The doctor at Google's, Azure's and through SFTP: each verb fails for its own reason, nothing is left."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import SYSTEM, Clock, FixedClock
from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.doctor import store as doctor_store
from sqlite_recovery_tui.doctor.store import Seen, examine
from sqlite_recovery_tui.errors import AccessDenied, BucketNotFound, Unreachable
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.retry import Retry
from sqlite_recovery_tui.storage.sftp import sftp_store
from sqlite_recovery_tui.storage.sites import site_of
from sqlite_recovery_tui.storage.timeouts import Timeouts
from tests.doctor.support import bad, by_name
from tests.support.cloud_server import CloudServer, Dialect, cloud_server
from tests.support.servers import SftpServer, rclone_sftp

VERBS = {"list", "delete", "put", "get", "ranged get", "conditional put", "multipart put"}
QUICK = Timeouts(connect_seconds=0.5, read_seconds=2.0)
ACCOUNT = {"account_name": "acme", "account_key": Secret(base64.b64encode(b"no key of anybody").decode())}


def config_of(server: CloudServer, bucket: str = "backups") -> ReplicaConfig:
    kind = server.dialect
    account = ACCOUNT if kind == "abs" else {}
    return ReplicaConfig(
        kind,
        kind,
        bucket=bucket,
        path="app",
        endpoint=server.endpoint,
        **account,  # type: ignore[arg-type]
    )


def looked(replica: ReplicaConfig, *, clock: Clock = SYSTEM, write: bool = True) -> Seen:
    """Examine through a store that waits for nobody."""
    retry = Retry(FixedClock(datetime.now(UTC)))
    if replica.type == "sftp":
        store = sftp_store(replica, retry=retry, timeouts=QUICK)
    else:
        site = site_of(replica, timeouts=QUICK)
        store = ObjectStore(site, root=replica.path, url=replica.url, retry=retry)
    with closing(store), pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor_store, "_LARGE", 6 << 20)
        return examine(replica, store, clock=clock, write=write)


def verbs(seen: Seen) -> dict[str, str]:
    """Return the verbs that do not work, and how much that matters."""
    return {name: status for name, status in bad(seen.checks).items() if name in VERBS}


@pytest.fixture(params=["gs", "abs"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudServer]:
    no_account = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(no_account))
    dialect: Dialect = request.param
    with cloud_server(dialect) as server:
        yield server


def test_a_good_one_passes_and_nothing_stays(cloud: CloudServer) -> None:
    seen = looked(config_of(cloud))
    assert bad(seen.checks) == {}
    assert set(by_name(seen.checks)) >= VERBS | {"latency", "clock"}
    assert cloud.stored() == []


@pytest.mark.parametrize(
    ("refused", "failing"),
    [
        (
            {"PUT": "", "POST": "uploads"},
            {
                "put": "fail",
                "get": "warn",
                "ranged get": "warn",
                "conditional put": "fail",
                "multipart put": "fail",
            },
        ),
        ({"GET": "-small"}, {"get": "fail", "ranged get": "fail"}),
        ({"PUT": "-once"}, {"conditional put": "fail"}),
        ({"PUT": "-large", "POST": "-large"}, {"multipart put": "fail"}),
        ({"GET": "list-type=2", "get": "comp=list"}, {"list": "fail"}),
        (
            {"DELETE": "", "POST": "comp=batch"},
            {"delete": "fail", **dict.fromkeys(VERBS - {"list", "delete"}, "warn")},
        ),
    ],
    ids=["put", "get", "conditional put", "multipart put", "list", "delete"],
)
def test_a_verb_that_is_not_allowed_fails_alone(
    cloud: CloudServer, refused: dict[str, str], failing: dict[str, str]
) -> None:
    cloud.refuse(403, "AccessDenied", *((method.upper(), part) for method, part in refused.items()))
    seen = looked(config_of(cloud))
    assert verbs(seen) == failing
    assert isinstance(seen.error, AccessDenied)
    hint = next(check.hint for check in seen.checks if check.status == "fail")
    assert {"gs": "gcloud", "abs": "account-key"}[cloud.dialect] in hint
    assert cloud.stored() == []


def test_a_bucket_that_is_not_there_and_a_service_that_does_not_answer(cloud: CloudServer) -> None:
    seen = looked(config_of(cloud, "none"))
    assert bad(seen.checks) == {"list": "fail"}
    assert isinstance(seen.error, BucketNotFound)
    replica = config_of(cloud)
    cloud.close()
    seen = looked(replica)
    assert bad(seen.checks) == {"list": "fail"}
    assert isinstance(seen.error, Unreachable)


def test_a_service_that_ignores_conditions_and_ranges(cloud: CloudServer) -> None:
    cloud.obeys_conditions = False
    found = by_name(looked(config_of(cloud)).checks)
    assert found["conditional put"].status == "warn"
    assert "only one" in found["conditional put"].hint


def test_a_clock_that_is_off(cloud: CloudServer) -> None:
    ahead = FixedClock(datetime.now(UTC) + timedelta(minutes=7))
    assert by_name(looked(config_of(cloud), clock=ahead).checks)["clock"].status == "fail"


# ── SFTP ──


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("keys", "served"):
        (tmp_path / name).mkdir()
    return tmp_path


def sftp_config(server: SftpServer, path: str = "/app", **more: object) -> ReplicaConfig:
    known: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": Secret(server.password),
        "host_key": server.known_host.split(" ", 1)[1],
        **more,
    }
    return ReplicaConfig("sftp", "sftp", path=path, **known)  # type: ignore[arg-type]


def test_a_good_sftp_server_and_what_keeps_one_out(folder: Path) -> None:
    with rclone_sftp(folder / "served", keys=folder / "keys") as server:
        root = server.make_directory("app")
        seen = looked(sftp_config(server))
        assert bad(seen.checks) == {}
        assert set(by_name(seen.checks)) >= VERBS
        assert list(root.iterdir()) == []
        ahead = FixedClock(datetime.now(UTC) + timedelta(minutes=7))
        assert by_name(looked(sftp_config(server), clock=ahead).checks)["clock"].status == "fail"
        for replica, error in (
            (sftp_config(server, "/none"), BucketNotFound),
            (sftp_config(server, password=Secret("wrong")), AccessDenied),
        ):
            seen = looked(replica)
            assert verbs(seen)["list"] == "fail"
            assert isinstance(seen.error, error)
    seen = looked(sftp_config(server))
    assert bad(seen.checks) == {"list": "fail"}
    assert isinstance(seen.error, Unreachable)


def test_an_sftp_server_that_lets_nobody_write(folder: Path) -> None:
    (folder / "served" / "app").mkdir()
    (folder / "served" / "app" / "kept").write_bytes(b"data" * 100)
    with rclone_sftp(folder / "served", keys=folder / "keys", options=["--read-only"]) as server:
        seen = looked(sftp_config(server))
    found = by_name(seen.checks)
    assert found["get"].status == found["ranged get"].status == found["list"].status == "ok"
    assert {found[name].status for name in ("put", "conditional put", "multipart put")} <= {"warn", "fail"}
    assert [path.name for path in (folder / "served" / "app").iterdir()] == ["kept"]
