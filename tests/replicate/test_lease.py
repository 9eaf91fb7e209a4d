"""Two that ship to one place do not harm one another: one stops, aloud, and nothing is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replicate.lease import LeaseLost, Taken
from sqlite_recovery_tui.replicate.stretch import Break
from tests.support.shipping import ground


def test_two_hosts_do_not_share_a_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with ground(tmp_path / "a") as first, ground(tmp_path / "b") as second:
        second.store.inner, second.clock = first.store.inner, first.clock
        second.begin_again()
        first.source.grow()
        first.turn()
        second.turn()
        trouble = second.shipper.status.trouble
        assert trouble is not None
        assert isinstance(trouble.error, Taken)
        assert f"process {os.getpid()}" in str(trouble.error)
        assert {key.split("/")[1] for key in first.objects() if names.parse_key(key)} == {
            first.spool.generation
        }
        first.clock.sleep(300)  # the first one is idle
        second.turn()
        assert second.shipper.status.state == "live"
        there = first.objects()
        first.source.grow()
        first.turn(60)
        assert first.shipper.status.state == "fenced"
        lost = first.shipper.status.trouble
        assert lost is not None
        assert isinstance(lost.error, LeaseLost)
        assert first.objects() == there  # nothing was written, nothing was taken away
        first.turn(600)
        assert first.objects() == there


def test_one_that_ended_in_order_is_taken_over_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with ground(tmp_path / "a") as first, ground(tmp_path / "b") as second:
        second.store.inner, second.clock = first.store.inner, first.clock
        second.begin_again()
        first.source.grow()
        assert first.shipper.flush()
        second.turn()
        assert second.shipper.status.state == "live"


def test_a_generation_of_somebody_else_stops_it(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.source.grow()
        made.turn()
        made.store.inner.put(names.snapshot_key("f" * 16, 0), b"of another program")
        made.source.grow()
        there = made.objects()
        made.turn(60)
        assert made.shipper.status.state == "fenced"
        assert "generations/ffffffffffffffff/ was begun there" in str(made.shipper.status.trouble)
        assert made.objects() == there


def test_newer_objects_than_were_sent_from_here_are_never_overwritten(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.source.grow()
        made.turn()
        made.begin_again()
        foreign = names.segment_key(made.spool.generation, 0, 0x00ABCD00)
        made.store.inner.put(foreign, b"of a clone of this machine")
        made.source.grow()
        there = made.objects()
        made.turn(60)
        assert f"it holds {foreign}" in made.shipper.status.given_up
        made.turn(60)
        wanted = made.spool.wanted
        assert isinstance(wanted, Break)
        made.source.begin(wanted)
        made.turn(60)
        now = made.objects()
        assert {key: now[key] for key in there if names.parse_key(key)} == {
            key: info for key, info in there.items() if names.parse_key(key)
        }
        assert made.restored(generation=made.spool.generation) == made.source.state()
