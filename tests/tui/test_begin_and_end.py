"""The console begins before the heavy libraries are there, and ends whatever hangs behind it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.demo import DemoIncident
from tests.support.pty_run import on_terminal
from tests.tui.outage import BUCKET, Outages, outages

HEAVY = {"boto3", "botocore", "numpy", "obstore", "lz4", "cramjam", "apsw", "paramiko", "sqlite_utils"}
PAINTED = """
import gc, json, sys
from pathlib import Path
from sqlite_recovery_tui import __main__
from sqlite_recovery_tui.tui import listings

out, first = Path(sys.argv.pop(1)), listings.Listings.refresh
def refresh(self, places=None):
    if not out.exists():
        told = {"modules": sorted(sys.modules), "switch": sys.getswitchinterval()}
        out.write_text(json.dumps(told | {"garbage": gc.get_threshold()}))
    first(self, places)
listings.Listings.refresh = refresh
__main__.main()
"""
"""Begins the console and notes, when it is painted and before anything is listed, what is imported."""
END_SECONDS = 5.0
"""A fifth of what a server may take to answer; the goal is a second on a machine with nothing else to do."""


@pytest.fixture
def network(incident: DemoIncident) -> Iterator[Outages]:
    with outages(incident.directory) as serving:
        yield serving


@pytest.fixture
def config(network: Outages, tmp_path: Path) -> Path:
    file = tmp_path / "litestream.yml"
    file.write_text(
        f"""
dbs:
  - path: {tmp_path}/shop.db
    replicas:
      - name: primary
        type: s3
        bucket: {BUCKET}
        path: primary
        endpoint: {network.endpoint}
        region: us-east-1
        access-key-id: rclone-key
        secret-access-key: rclone-secret
"""
    )
    return file


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}


def test_the_first_paint_needs_nothing_heavy(config: Path, environ: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "painted.json"
    command = [sys.executable, "-c", PAINTED, str(out), "-config", str(config)]
    with on_terminal(command, tmp_path, environ) as program:
        program.see("shop.db", "primary", "no gap")
        program.press("ctrl+q")
        program.end()
    painted = json.loads(out.read_text())
    assert {name.partition(".")[0] for name in painted["modules"]} & HEAVY == set()
    assert painted["switch"] < 0.005, "threads that compute let the screen's one go on sooner"
    assert painted["garbage"][0] > 700


@pytest.mark.parametrize("way", ["key", "signal"])
def test_a_listing_that_hangs_keeps_nobody(
    network: Outages, config: Path, environ: dict[str, str], tmp_path: Path, way: str
) -> None:
    network.fail("no answer")
    command = [sys.executable, "-m", "sqlite_recovery_tui", "-config", str(config)]
    with on_terminal(command, tmp_path, environ) as program:
        program.see("shop.db", "listing")
        sent = program.press("ctrl+q") if way == "key" else program.signal(signal.SIGTERM)
        assert program.end() - sent < END_SECONDS
        assert program.process.returncode == (0 if way == "key" else 130)


def test_a_restore_that_hangs_keeps_nobody(
    network: Outages, config: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sqlite_recovery_tui", "-config", str(config)]
    with on_terminal(command, tmp_path, environ) as program:
        program.see("no gap")
        program.press("R")
        program.see("you get")
        network.fail("no answer", target="/wal/")
        program.press("enter")
        program.see("restore 1")
        program.press("ctrl+q")
        program.see("Stop and leave")
        sent = program.press("y")
        assert program.end() - sent < END_SECONDS
    assert not list(tmp_path.rglob("shop.db")), "nothing claims to be restored"
