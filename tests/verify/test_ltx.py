"""What a proof of LTX files promises: every byte is read, and files that contradict one another are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.verify.proof import Fault
from sqlite_recovery_tui.verify.replica import verify_replica
from tests.support.generation_writer import GenerationWriter
from tests.support.ltx_story import Story, level_zero, shop
from tests.support.shelf import at, proof_of


def faults_of(history: Story) -> tuple[Fault, ...]:
    return proof_of(history.shelf).faults


def test_a_whole_replica_is_proven_and_says_where_files_agree() -> None:
    proof = proof_of(shop().shelf)
    assert (proof.verdict, proof.faults, proof.unproven) == ("proven", (), ())
    assert proof.ltx is not None
    assert proof.ltx.attested == (2, 5)
    assert proof.ltx.end == Txid(6)
    assert proof.objects == 9


def test_the_document_spells_txids_as_names_do() -> None:
    document = proof_of(shop().shelf).to_json()
    assert document["generations"] == []
    assert document["ltx"]["attested"] == [f"{2:016x}", f"{5:016x}"]
    assert document["ltx"]["end"] == {"txid": f"{6:016x}"}


def test_a_damaged_file_that_other_levels_replace_costs_nothing_but_is_named() -> None:
    history = shop()
    key = level_zero(2)
    history.shelf.replace(key, history.shelf.data(key)[:-1])
    (fault,) = faults_of(history)
    assert fault.object == key
    assert "other files restore the same state" in fault.message
    assert fault.last_good is not None
    assert fault.last_good.position == Txid(2)


def test_a_damaged_file_that_nothing_replaces_has_the_good_points_around_it() -> None:
    history = shop()
    key = level_zero(3)
    data = bytearray(history.shelf.data(key))
    data[120] ^= 1
    history.shelf.replace(key, bytes(data))
    (fault,) = faults_of(history)
    assert fault.object == key
    assert fault.last_good is not None
    assert fault.next_good is not None
    assert (fault.last_good.position, fault.next_good.position) == (Txid(2), Txid(5))


def test_a_compaction_that_was_altered_and_sealed_again_is_found() -> None:
    history = shop()
    key = names.file_key(1, 3, 5)
    history.forge(key, {3: "forged"})
    (fault,) = faults_of(history)
    assert fault.object == key
    assert fault.message.startswith("1 page is not what")


def test_a_snapshot_that_was_altered_and_sealed_again_is_found() -> None:
    history = shop()
    key = names.file_key(9, 1, 5)
    history.forge(key, {2: "forged"})
    assert [fault.object for fault in faults_of(history)] == [key]


def test_a_compaction_that_lacks_a_page_of_its_syncs_is_found() -> None:
    history = shop()
    shorter = Story(history.states, [*history.syncs])
    shorter.syncs[2] = replace(history.syncs[2], pages={1: history.states[2][1]})
    key = shorter.compact(1, 3, 3)
    history.shelf.objects[key] = shorter.shelf.objects[key]
    assert [fault.object for fault in faults_of(history)] == [key]


def test_a_missing_sync_is_a_fault_with_the_points_around_it() -> None:
    history = Story()
    for number in range(1, 6):
        history.commit({1: f"head {number}", number: f"row {number}"})
    history.shelf.drop(level_zero(3))
    history.snapshot(5)
    (fault,) = faults_of(history)
    assert "TXID 0000000000000003" in fault.message
    assert fault.last_good is not None
    assert fault.next_good is not None
    assert (fault.last_good.position, fault.next_good.position) == (Txid(2), Txid(5))


def test_a_file_under_another_name_is_named() -> None:
    history = shop()
    history.shelf.replace(level_zero(6), history.shelf.data(level_zero(2)))
    (fault,) = faults_of(history)
    assert fault.object == level_zero(6)
    assert "not what its name says" in fault.message


def test_pages_that_no_file_holds_are_found() -> None:
    history = Story()
    history.commit({1: "head", 2: "a"})
    history.commit({1: "head 2"}, size=4)
    (fault,) = faults_of(history)
    assert fault.object == level_zero(2)
    assert "page 3" in fault.message


def test_a_file_that_goes_while_the_proof_runs_is_no_damage() -> None:
    history = shop()
    store = history.shelf.store()
    timeline = scan(store)
    store.delete([level_zero(1), level_zero(4)])
    proof = verify_replica(store, timeline)
    assert proof.faults == ()
    assert proof.verdict == "consistent"
    assert len(proof.unproven) == 2


@pytest.mark.parametrize("level", [0, 1, 9])
def test_large_files_are_read_as_they_come(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite_recovery_tui.verify.ltx_prover.SMALL_BYTES", 0)
    history = shop()
    key = history.shelf.keys(f"ltx/{level}/")[0]
    assert proof_of(history.shelf).verdict == "proven"
    history.shelf.replace(key, history.shelf.data(key)[:-9])
    assert [fault.object for fault in faults_of(history)] == [key]


def test_two_kinds_of_history_in_one_place_are_both_proven(tmp_path: Path) -> None:
    history = shop()
    with GenerationWriter(tmp_path / "app.db", history.shelf.take, page_size=512) as writer:
        writer.connection.execute("CREATE TABLE t(word TEXT)")
        writer.checkpoint("TRUNCATE")
        writer.new_generation(at(-100))
        writer.snapshot(at(-100))
        writer.connection.execute("INSERT INTO t VALUES ('a')")
        writer.ship(at(-90))
    proof = proof_of(history.shelf)
    assert len(proof.generations) == 1
    assert proof.ltx is not None
    assert proof.faults == ()
    history.forge(names.file_key(9, 1, 5), {2: "forged"})
    assert [fault.generation for fault in faults_of(history)] == [None]
