"""Databases and replicas of a litestream.yml, v0.3 and v0.5, as Litestream would open them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Secret
from tests.config.conftest import Loader, Refused, ReplicaLoader

H = timedelta(hours=1)


def test_whole_v03_file(loaded: Loader) -> None:
    settings = loaded(
        """\
        access-key-id: GLOBAL
        secret-access-key: global-secret
        dbs:
          - path: ~/app.db
            meta-path: ~/meta
            monitor-interval: 2s
            checkpoint-interval: 1m30s
            min-checkpoint-page-count: 500
            max-checkpoint-page-count: 5000
            replicas:
              - type: s3
                bucket: backups
                path: app
                region: eu-west-1
                retention: 72h
                retention-check-interval: 30m
                sync-interval: 10s
                snapshot-interval: 12h
                validation-interval: 6h
              - name: local
                path: ~/replica
              - url: s3://other/app
                access-key-id: OWN
                secret-access-key: own-secret
          - path: /var/lib/jobs.db
        """,
        environ={"HOME": "/home/me"},
    )
    app, jobs = settings.databases
    assert (app.path, app.name, app.written) == (Path("/home/me/app.db"), "app.db", "~/app.db")
    assert (app.meta_path, app.monitor_interval) == (Path("/home/me/meta"), timedelta(seconds=2))
    assert (app.checkpoint_interval, app.min_checkpoint_page_count) == (timedelta(seconds=90), 500)
    assert (app.max_checkpoint_page_count, app.busy_timeout) == (5000, None)
    first, local, second = app.replicas
    assert (first.name, first.type, first.bucket, first.path) == ("s3", "s3", "backups", "app")
    assert (first.region, first.endpoint, first.force_path_style) == ("eu-west-1", None, None)
    assert (first.access_key_id, first.secret_access_key) == (Secret("GLOBAL"), Secret("global-secret"))
    assert (first.retention, first.retention_check_interval) == (72 * H, timedelta(minutes=30))
    assert (first.sync_interval, first.snapshot_interval) == (timedelta(seconds=10), 12 * H)
    assert first.validation_interval == 6 * H
    assert (local.name, local.type, local.path) == ("local", "file", "/home/me/replica")
    assert (second.name, second.bucket, second.access_key_id) == ("s3-2", "other", Secret("OWN"))
    assert jobs.replicas == ()
    assert settings.warnings == ()


def test_whole_v05_file(loaded: Loader) -> None:
    settings = loaded(
        """\
        region: eu-central-1
        bucket: shared
        endpoint: https://s3.example.com
        sync-interval: 5s
        snapshot: {interval: 6h, retention: 48h}
        dbs:
          - path: sqlite:///var/lib/app.db
            busy-timeout: 3s
            replica:
              type: s3
              path: app
          - path: sqlite3:///var/lib/jobs.db
            snapshot: {retention: 24h}
            replica:
              url: gs://bucket/jobs
        """
    )
    app, jobs = settings.databases
    assert (app.path, app.busy_timeout) == (Path("/var/lib/app.db"), timedelta(seconds=3))
    (one,) = app.replicas
    assert (one.name, one.bucket, one.path, one.region) == ("s3", "shared", "app", "eu-central-1")
    assert (one.endpoint, one.force_path_style, one.sync_interval) == (
        "https://s3.example.com",
        True,
        timedelta(seconds=5),
    )
    assert (one.snapshot_interval, one.retention) == (6 * H, 48 * H)
    (two,) = jobs.replicas
    assert (two.name, two.type, two.bucket, two.path, two.endpoint) == ("gs", "gs", "bucket", "jobs", None)
    assert (two.snapshot_interval, two.retention) == (6 * H, 24 * H)


def test_paths_are_absolute_and_links_kept(
    loaded: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("/var")
    settings = loaded("dbs: [{path: link/../x//app.db, replicas: [{path: ./link/rep/}]}]")
    assert settings.databases[0].path == tmp_path / "x" / "app.db"
    assert settings.databases[0].replicas[0].path == str(tmp_path / "link" / "rep")


@pytest.mark.parametrize(
    ("written", "kind", "name"), [("gcs", "gs", "gcs"), ("gs", "gs", "gs"), ("abs", "abs", "abs")]
)
def test_types_by_their_names(replica: ReplicaLoader, written: str, kind: str, name: str) -> None:
    found = replica(f"type: {written}\nbucket: b\npath: /a//b/")
    assert (found.type, found.name, found.bucket, found.path) == (kind, name, "b", "a/b")
    by_url = replica(f"type: s3\nurl: {written}://b/a/b")
    assert (by_url.type, by_url.name, by_url.bucket, by_url.path) == (kind, name, "b", "a/b")


def test_sftp_by_its_parts(replica: ReplicaLoader) -> None:
    found = replica("type: sftp\nhost: h:2022\nuser: u\npassword: p\nkey-path: /k\nhost-key: hk\npath: rel/x")
    assert (found.host, found.port, found.user, found.password) == ("h", 2022, "u", Secret("p"))
    assert (found.key_path, found.host_key, found.path) == ("/k", "hk", "rel/x")
    assert replica("type: sftp\nhost: h\nuser: u\npath: /x").port == 22


def test_keys_next_to_a_url_win(replica: ReplicaLoader) -> None:
    found = replica(
        """
        url: s3://bucket/path?endpoint=http://one&region=r1&forcePathStyle=false
        endpoint: https://two/
        region: r2
        force-path-style: true
        sign-payload: false
        skip-verify: true
        """
    )
    assert (found.endpoint, found.region, found.force_path_style) == ("https://two", "r2", True)
    assert (found.sign_payload, found.skip_verify) == (False, True)
    sftp = replica("url: sftp://me:one@host/x\nuser: you\npassword: two")
    assert (sftp.user, sftp.password) == ("you", Secret("two"))


def test_endpoint_means_path_style_unless_told_otherwise(replica: ReplicaLoader) -> None:
    assert replica("type: s3\nbucket: b\nendpoint: localhost:9000").endpoint == "http://localhost:9000"
    assert replica("type: s3\nbucket: b\nendpoint: minio.example.com").endpoint == "https://minio.example.com"
    assert replica("type: s3\nbucket: b\nendpoint: https://x").force_path_style is True
    assert (
        replica("type: s3\nbucket: b\nendpoint: https://x\nforce-path-style: false").force_path_style is False
    )
    assert replica("type: s3\nbucket: b").force_path_style is None


def test_customer_keys_and_tokens(replica: ReplicaLoader) -> None:
    found = replica(
        "url: s3://b\nsse-customer-algorithm: AES256\nsse-customer-key: k\nsse-customer-key-path: /key"
    )
    assert (found.sse_customer_algorithm, found.sse_customer_key) == ("AES256", Secret("k"))
    assert found.sse_customer_key_path == "/key"
    assert replica("url: abs://acc@c/p\nsas-token: t").sas_token == Secret("t")


def test_age_items_may_hold_several_lines(replica: ReplicaLoader) -> None:
    found = replica(
        """
        path: /r
        age:
          identities:
            - |
              # created: 2026-01-01
              AGE-SECRET-KEY-1A

              AGE-SECRET-KEY-1B
            - AGE-SECRET-KEY-1C
          recipients: [age1x, "age1y\\nage1z"]
        """
    )
    assert [one.reveal() for one in found.age_identities] == [f"AGE-SECRET-KEY-1{n}" for n in "ABC"]
    assert found.age_recipients == ("age1x", "age1y", "age1z")
    assert replica("path: /r", top="age: {identities: [X]}").age_identities == (Secret("X"),)


class TestCredentials:
    ours = {"LITESTREAM_ACCESS_KEY_ID": "L1", "LITESTREAM_SECRET_ACCESS_KEY": "L2"}
    aws = {"AWS_ACCESS_KEY_ID": "A1", "AWS_SECRET_ACCESS_KEY": "A2"}
    own = "url: s3://b\naccess-key-id: O1\nsecret-access-key: O2"

    @pytest.mark.parametrize(
        ("lines", "top", "environ", "keys"),
        [
            (own, "access-key-id: G1\nsecret-access-key: G2", {**ours, **aws}, ("O1", "O2")),
            ("url: s3://b", "access-key-id: G1\nsecret-access-key: G2", {**ours, **aws}, ("G1", "G2")),
            ("url: s3://b", "", ours, ("L1", "L2")),
            ("url: s3://b", "", {**ours, **aws}, (None, None)),
            ("url: s3://b", "", aws, (None, None)),
            ("url: s3://b", "", {**ours, "AWS_ACCESS_KEY_ID": "A1"}, ("A1", "L2")),
            ("url: s3://b", "", {}, (None, None)),
            ("url: s3://b\naccess-key-id: $UNSET\nsecret-access-key: $UNSET", "", ours, ("L1", "L2")),
            ("path: /r", "", ours, (None, None)),
        ],
    )
    def test_come_from_the_nearest_place(
        self,
        replica: ReplicaLoader,
        lines: str,
        top: str,
        environ: dict[str, str],
        keys: tuple[str | None, str | None],
    ) -> None:
        found = replica(lines, top=top, environ=environ)
        expected = tuple(Secret(key) if key else None for key in keys)
        assert (found.access_key_id, found.secret_access_key) == expected

    def test_of_azure(self, replica: ReplicaLoader) -> None:
        environ = {"LITESTREAM_AZURE_ACCOUNT_KEY": "E"}
        assert replica("url: abs://a@c/p", environ=environ).account_key == Secret("E")
        assert replica("url: abs://a@c/p\naccount-key: K", environ=environ).account_key == Secret("K")
        assert replica("url: abs://a@c/p\nsas-token: S", environ=environ).account_key is None

    def test_half_a_pair_is_a_warning(self, loaded: Loader) -> None:
        replica = "url: s3://b\n    access-key-id: X\n    secret-access-key: $NO\n"
        settings = loaded(f"dbs:\n- path: /a\n  replicas:\n  - {replica}")
        warning = next(one for one in settings.warnings if "without" in one)
        assert "dbs[0].replicas[0] (line 4): access-key-id without secret-access-key" in warning


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("dbs:\n- meta-path: /m\n", 2, "dbs[0]: path is missing"),
        ("dbs:\n- path: /a\n- path: /b/../a\n", 3, "dbs[1].path: the same database as dbs[0] in line 2"),
        (
            "dbs:\n- path: /a\n  replica: {path: /r}\n  replicas: [{path: /s}]\n",
            3,
            "replica and replicas exclude",
        ),
        ("dbs:\n- path: /a\n  replicas:\n  - path: /r\n    url: file:///r\n", 4, "url and path exclude"),
        ("dbs:\n- path: /a\n  replicas:\n  - url: s3://b\n    bucket: b\n", 5, "url and bucket exclude"),
        ("dbs:\n- path: /a\n  replicas:\n  - url: sftp://h/x\n    host: b\n", 5, "url and host exclude"),
        ("dbs:\n- path: /a\n  replicas:\n  - path: s3://b/x\n", 4, "a URL goes under url"),
        ("dbs:\n- path: /a\n  replicas:\n  - url: /backups\n", 4, "a URL is expected"),
        (
            "dbs:\n- path: /a\n  replicas:\n  - url: http://x/y\n",
            4,
            "unknown type of replica; known are file, s3",
        ),
        ("dbs:\n- path: /a\n  replicas:\n  - type: s4\n", 4, "unknown type of replica"),
        ("dbs:\n- path: /a\n  replicas:\n  - name: x\n", 4, "path is missing: the directory of the replica"),
        ("dbs:\n- path: /a\n  replicas:\n  - type: s3\n", 4, "bucket is missing, which a replica of type s3"),
        ("dbs:\n- path: /a\n  replicas:\n  - type: sftp\n", 4, "host is missing"),
        ("dbs:\n- path: /a\n  replicas:\n  - {type: sftp, host: 'h:x'}\n", 4, "not HOST or HOST:PORT"),
        ("dbs:\n- path: /a\n  replicas:\n  - url: s3:///x\n", 4, "names no bucket"),
        ("dbs:\n- path: /a\n  replicas:\n  - url: s3://b?regoin=x\n", 4, "did you mean region?"),
        ("dbs:\n- path: /a\n  replicas:\n  - {url: 's3://b', endpoint: 'a b'}\n", 4, "an endpoint is http"),
        (
            "dbs:\n- path: /a\n  replicas:\n  - {path: /r, name: x}\n  - {path: /s, name: x}\n",
            5,
            "dbs[0].replicas[1].name: the same name as in line 4",
        ),
        ("dbs:\n- dir: /a\n", 2, "pattern is missing"),
        ("dbs:\n- dir: /a\n  path: /b\n", 2, "path and dir exclude"),
        ("dbs:\n- dir: /a\n  pattern: '[a-'\n", 3, "a [ is not closed"),
    ],
)
def test_contradictions(refused: Refused, text: str, line: int, message: str) -> None:
    error = refused(text)
    assert message in error.message
    assert error.line == line
    assert error.code == 2


def test_unnamed_replicas_get_names_of_their_own(loaded: Loader) -> None:
    text = """\
        dbs:
        - path: /a
          replicas:
            - url: s3://b1
            - {url: "s3://b2", name: s3-2}
            - url: s3://b3
            - path: /r
            - {url: "s3://b4", name: file}
            - url: s3://b5
        """
    replicas = loaded(text).databases[0].replicas
    assert [one.name for one in replicas] == ["s3", "s3-2", "s3-3", "file-2", "file", "s3-4"]


def test_foreign_types_are_left_out_with_a_warning_each(loaded: Loader) -> None:
    settings = loaded(
        """\
        dbs:
          - path: /a
            replicas:
              - url: nats://host/bucket
              - {type: webdav, webdav-url: "https://x", name: w}
              - {type: oss, bucket: b}
              - path: /r
        """
    )
    assert [one.path for one in settings.databases] == [Path("/a")]
    assert [one.name for one in settings.databases[0].replicas] == ["file"]
    kinds = [one for one in settings.warnings if "left out" in one]
    assert len(kinds) == 3
    assert "dbs[0].replicas[0] (line 4): replicas of type nats cannot be read" in kinds[0]


def test_an_empty_list_of_databases_is_a_warning(loaded: Loader) -> None:
    for text in ("dbs: []", "dbs:", "region: x"):
        settings = loaded(text)
        assert settings.databases == ()
        assert "no database is configured" in settings.warnings[0]


def test_leading_slash_of_a_prefix_is_a_warning(loaded: Loader) -> None:
    settings = loaded("dbs:\n- path: /a\n  replicas:\n  - {type: s3, bucket: b, path: /x}\n")
    assert settings.databases[0].replicas[0].path == "x"
    assert "dbs[0].replicas[0].path (line 4)" in settings.warnings[0]


def test_a_path_of_s3_is_kept_as_written_where_it_was_tidied(loaded: Loader) -> None:
    paths = ["/x", "x/", "a//b", "x", "''"]
    items = "".join(
        f"- {{path: /{n}, replicas: [{{type: s3, bucket: b, path: {p}}}]}}\n" for n, p in enumerate(paths)
    )
    replicas = [database.replicas[0] for database in loaded(f"dbs:\n{items}").databases]
    assert [one.path for one in replicas] == ["x", "x", "a/b", "x", ""]
    assert [one.literal_path for one in replicas] == ["/x", "x/", "a//b", None, None]
    (google,) = (
        loaded("dbs:\n- {path: /a, replicas: [{type: gs, bucket: b, path: /x}]}\n").databases[0].replicas
    )
    assert google.literal_path is None
