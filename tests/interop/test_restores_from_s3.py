"""Every moment of every real replica comes back from S3 as it was, on two servers of different make."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.cli.main import run
from tests.support.corpus import case, cases, digest_of
from tests.support.servers import S3Server, moto_s3, rclone_s3, upload_tree

BUCKET = "corpus"


@pytest.fixture(scope="module", params=["moto", "rclone"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = moto_s3() if request.param == "moto" else rclone_s3(tmp_path_factory.mktemp("served"))
    with running as server:
        server.make_bucket(BUCKET)
        yield server


def _sqlrecover(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run([*words, "--json"])
    document: dict[str, Any] = json.loads(out.getvalue())
    assert code == 0, document
    return document


@pytest.mark.parametrize("name", cases("v03"))
def test_every_moment_is_restored_as_it_was(
    name: str, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in server.environ.items():
        monkeypatch.setenv(variable, value)
    replica = case(name, tmp_path)
    upload_tree(server, BUCKET, f"{name}/", replica.replica)
    url = f"s3://{BUCKET}/{name}?endpoint={server.endpoint}&region={server.region}"
    for moment in replica.moments:
        file = tmp_path / f"{moment.label}.db"
        asked = ["-timestamp", moment.timestamp] if moment.timestamp else []
        document = _sqlrecover("restore", *asked, "-o", str(file), url)
        assert document["bytes_fetched"] > 0
        assert sha256(file.read_bytes()).hexdigest() == moment.file_sha256, moment.label
        assert digest_of(file) == moment.digest, moment.label
