"""Restores that another process is asked for: plans of either layout arrive there whole."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing.connection import Pipe
from pathlib import Path

import pytest

from sqlite_recovery_tui.apart.messages import received, send
from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.replica.fleet import ReplicaRef
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.run import RestoreOptions
from sqlite_recovery_tui.restore.tasks import RestoreTask
from tests.support.listings import timeline
from tests.support.ltx_listings import ltx_timeline
from tests.support.plans import plan

WAL = timeline("S0@0 0.0@1 0.20@5 1.0@10 S2@19 2.0@20 2.1018@30", b="S0@40 0.0@50")
LTX = ltx_timeline("9:1-5@10*500 0:6@11 0:7@12 1:6-7@13 0:8@20")


@pytest.mark.parametrize("of", [WAL, LTX], ids=["v0.3", "v0.5"])
@pytest.mark.parametrize("target", [None, 20])
def test_a_restore_arrives_as_it_was_ordered(of: Timeline, target: float | None) -> None:
    replica = replace(replica_from_url("s3://bucket/app"), secret_access_key=Secret("hunter2"))
    made = plan(of, target)
    task = RestoreTask(ReplicaRef(None, replica), made, RestoreOptions(Path("app.db"), scratch=True))
    here, there = Pipe()
    with here, there:
        send(here, task)
        came = received(there.recv_bytes())
        assert came == task
        assert came.plan.to_json() == made.to_json()
        avoid = {made.base.key: "it is broken"}
        ways = made.around(avoid), came.plan.around(avoid)
        assert ways[0] == ways[1], "and it knows the ways around what turns out to be damaged"
        assert came.ref.replica.secret_access_key.reveal() == "hunter2"

        send(there, came.plan, came)
        assert received(here.recv_bytes(), task) is made
    assert task.name == "restore of app.db"
