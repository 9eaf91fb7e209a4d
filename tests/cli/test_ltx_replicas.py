"""What a person is told of LTX replicas: how far and how fine, what is missing, whether it holds."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Cli
from tests.support.corpus import Case, case, cases


def _drop(replica: Case, *names: str) -> None:
    for name in names:
        (replica.replica / "ltx" / name).unlink()


def _one(level: int, txid: str) -> str:
    return f"{level}/{txid.zfill(16)}-{txid.zfill(16)}.ltx"


def test_timeline_shows_levels_grain_and_what_compaction_has_left(cli: Cli, levels: Case) -> None:
    soon = FixedClock(levels.newest + timedelta(seconds=5))
    answer = cli("timeline", levels.url, clock=soon)
    assert answer.code == 0
    assert "  position      0000000000000029\n" in answer.out
    assert "  points every  1.2 s for the last 12 s\n" in answer.out
    assert "  stored        15 objects in 5 levels, 252.5 KiB\n" in answer.out
    assert "  level 0 (each sync)  1 LTX file   488 B" in answer.out
    assert "  level 9 (snapshots)  3 snapshots  " in answer.out
    assert "  1 file of level 0 (488 B) is not compacted yet\n" in answer.out
    assert "  2 files of level 1 (44.6 KiB) are not compacted yet\n" in answer.out


def test_timeline_says_the_same_in_json(cli: Cli, levels: Case) -> None:
    soon = FixedClock(levels.newest)
    [document] = cli("timeline", "-json", "-points", levels.url, clock=soon).document["replicas"]
    assert (document["format"], document["generations"], document["levels"]) == ("v0.5", 0, 5)
    assert document["newest"]["position"] == {"txid": "0000000000000029"}
    assert document["grain"]["text"] == "1.2 s for the last 12 s"
    assert document["grain"]["periods"][0]["steps"] == len(document["points"]) - 1
    [lineage] = document["lineages"]
    assert [lane["id"] for lane in lineage["lanes"]] == [f"level {level}" for level in (0, 1, 2, 3, 9)]
    assert lineage["pending"][0] == {"level": 0, "files": 1, "size": 488}
    assert lineage["overlaps"] == 0
    assert (lineage["first_txid"], lineage["last_txid"]) == ("0000000000000004", "0000000000000029")


def test_timeline_names_a_hole_and_the_states_around_it(cli: Cli, uncompacted: Case) -> None:
    _drop(uncompacted, _one(0, "a"), _one(0, "b"))
    answer = cli("timeline", uncompacted.url)
    assert "  gap  TXIDs 000000000000000a to 000000000000000b are missing at every level" in answer.out
    assert "last point before it: 2026-11-22 14:29:24Z (0000000000000009)" in answer.out
    assert "next point after it:  none" in answer.out
    [document] = cli("timeline", "-json", uncompacted.url).document["replicas"]
    [gap] = document["gaps"]
    assert (gap["kind"], gap["generation"]) == ("missing-txid", None)
    assert gap["before"]["position"] == {"txid": "0000000000000009"}


def test_what_has_expired_is_no_gap(cli: Cli, levels: Case) -> None:
    first = "0000000000000001-0000000000000004.ltx"
    _drop(levels, f"9/{first}", f"3/{first}", f"2/{first}", f"1/{first}")
    answer = cli("timeline", levels.url)
    assert "  expired  " in answer.out
    assert "  gap  " not in answer.out
    assert "  0000000000000029  none  " in cli("replicas", levels.url).out
    assert "OK    gaps       nothing is missing by name\n" in cli("check", levels.url).out


def test_overlapping_files_are_named_and_harmless(cli: Cli, uncompacted: Case) -> None:
    shutil.copy2(
        uncompacted.replica / "ltx/1/0000000000000001-0000000000000003.ltx",
        uncompacted.replica / "ltx/1/0000000000000002-0000000000000004.ltx",
    )
    answer = cli("timeline", uncompacted.url)
    assert "1 file begins with TXIDs that the file before has as well: harmless" in answer.out
    assert "  gap  " not in answer.out


def test_a_mixed_replica_has_one_timeline(cli: Cli, levels: Case, tmp_path: Path) -> None:
    old = case("v03-plain", tmp_path)
    shutil.copytree(levels.replica / "ltx", old.replica / "ltx")
    answer = cli("timeline", old.url)
    generation = old.manifest["latest"]["position"]["generation"]
    lanes = [line.split("  ")[1] for line in answer.out.split("\n\n")[1].splitlines()[1:6]]
    assert lanes == [
        f"generation {generation}",
        "level 0 (each sync)",
        "level 1 (compacted)",
        "level 2 (compacted)",
        "level 3 (compacted)",
    ]
    [document] = cli("timeline", "-json", old.url).document["replicas"]
    assert document["format"] == "v0.3 + v0.5"
    assert [lineage["format"] for lineage in document["lineages"]] == ["v0.3", "v0.5"]


def test_replicas_count_levels_and_name_the_newest_txid(cli: Cli, levels: Case) -> None:
    clock = FixedClock(levels.newest + timedelta(minutes=41))
    answer = cli("replicas", levels.url, clock=clock)
    assert "  5 levels  41 min ago  0000000000000029  none  252.5 KiB  " in answer.out
    [member] = cli("replicas", levels.url, "-json").document["replicas"]
    assert member["timeline"]["levels"] == 5
    assert member["timeline"]["newest"]["position"] == {"txid": "0000000000000029"}


def test_check_passes_a_sound_replica_and_fails_one_whose_newest_state_is_lost(
    cli: Cli, uncompacted: Case
) -> None:
    soon = FixedClock(uncompacted.newest + timedelta(minutes=10))
    answer = cli("check", uncompacted.url, clock=soon)
    assert answer.code == 0
    assert [row[0] for row in answer.rows()] == ["OK"] * 7
    assert "OK    reachable  21 objects in 4 levels, 127.5 KiB" in answer.out
    _drop(uncompacted, _one(0, "11"))
    broken = cli("check", uncompacted.url, clock=soon)
    assert broken.code == 4
    assert "FAIL  gaps       TXID 0000000000000011 is missing at every level" in broken.out
    assert cli("check", "-nagios", uncompacted.url, clock=soon).code == 2


@pytest.mark.parametrize("name", cases("v05"))
def test_real_replicas_hold_and_can_be_restored(name: str, cli: Cli, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    answer = cli("verify", "-full", replica.url)
    assert answer.code == 0, answer
    assert f"  reaches     {replica.manifest['latest']['txid']}\n" in answer.out
    [document] = cli("verify", "-full", "-json", replica.url).document["replicas"]
    assert document["objects"] == len(replica.manifest["objects"])
    assert document["generations"] == []
    assert document["ltx"]["end"] == {"txid": replica.manifest["latest"]["txid"]}
    assert document["drill"]["position"] == {"txid": replica.manifest["latest"]["txid"]}


def test_a_flipped_bit_is_named_with_the_points_around_it_and_no_generation(
    cli: Cli, uncompacted: Case
) -> None:
    victim = uncompacted.replica / "ltx" / _one(0, "a")
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    answer = cli("verify", uncompacted.url)
    assert answer.code == 4
    assert f"  damaged  ltx/{_one(0, 'a')}: " in answer.out
    assert "last good point:    2026-11-22 14:29:24Z (0000000000000009)" in answer.out
    assert "None" not in answer.out
    [document] = cli("verify", "-json", uncompacted.url).document["replicas"]
    assert document["ltx"]["faults"][0]["generation"] is None
