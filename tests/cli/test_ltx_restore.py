"""`restore` of LTX replicas: by TXID, time or to the end; the plan file by file, and why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.corpus import Case, case, cases, digest_of


def _sha256(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", cases("v05"))
def test_every_checkpoint_is_restored_by_its_time(name: str, cli: Cli, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    for moment in replica.moments:
        file = tmp_path / f"{moment.label}.db"
        asked = ["-timestamp", moment.timestamp] if moment.timestamp else []
        answer = cli("restore", "--json", *asked, "-o", file, replica.url)
        assert answer.code == 0, (moment.label, answer)
        assert _sha256(file) == moment.file_sha256, moment.label
        assert answer.document["format"] == "v0.5"


@pytest.mark.parametrize("name", cases("v05"))
def test_every_checkpoint_is_restored_by_its_txid_while_that_is_stored(
    name: str, cli: Cli, tmp_path: Path, out: Path
) -> None:
    replica = case(name, tmp_path)
    for moment in replica.checkpoints:
        answer = cli("restore", "--json", "-txid", moment["txid"], "-o", out, replica.url)
        if moment["restorable"] == "exact":
            assert answer.document["position"] == {"txid": moment["txid"]}
            assert answer.document["requested"] == {"kind": "txid", "txid": moment["txid"]}
            assert _sha256(out) == moment["file_sha256"]
            out.unlink()
        else:
            assert answer.code == 3
            assert not out.exists()


@pytest.mark.parametrize("spelling", ["8", "08", "0x8", "0000000000000008"])
def test_leading_zeros_may_be_left_out(spelling: str, cli: Cli, levels: Case, out: Path) -> None:
    answer = cli("restore", "-txid", spelling, "-o", out, levels.url)
    assert answer.code == 0
    assert "asked for   TXID 0000000000000008\n" in answer.out
    assert answer.err == ""


def test_a_txid_that_might_be_taken_for_a_decimal_number_is_spelt_out(
    cli: Cli, levels: Case, out: Path
) -> None:
    answer = cli("restore", "-txid", "29", "-o", out, levels.url)
    assert answer.code == 0
    assert "TXIDs are hexadecimal: 29 is TXID 0000000000000029, in decimal 41\n" in answer.err
    assert cli("restore", "-dry-run", "-txid", "1C", levels.url).err == ""


def test_a_txid_that_was_compacted_away_names_its_neighbours(cli: Cli, levels: Case, out: Path) -> None:
    answer = cli("restore", "-txid", "c", "-o", out, levels.url)
    assert answer.code == 3
    assert "TXID 000000000000000c can no longer be restored exactly" in answer.err
    assert "the nearest TXIDs are 0000000000000008 (" in answer.err
    assert " and 0000000000000010 (" in answer.err
    error = cli("restore", "-txid", "c", "-o", out, levels.url, "-json").error
    assert error["kind"] == "outside-coverage"
    assert error["nearest_before"]["position"] == {"txid": "0000000000000008"}
    assert error["nearest_after"]["position"] == {"txid": "0000000000000010"}
    for near in ("nearest_before", "nearest_after"):
        txid = error[near]["position"]["txid"]
        assert cli("restore", "-txid", txid, "-o", f"{out}{txid}", levels.url).code == 0
    nearest = cli("restore", "-txid", "c", "-nearest", "-o", out, levels.url)
    assert nearest.code == 0
    assert "position    0000000000000008" in nearest.out


def test_a_txid_beyond_the_end_names_the_last(cli: Cli, levels: Case, out: Path) -> None:
    answer = cli("restore", "-txid", "2a", "-o", out, levels.url)
    assert answer.code == 3
    assert "the nearest TXID is 0000000000000029 (" in answer.err
    error = cli("restore", "-txid", "2a", "-o", out, levels.url, "-json").error
    assert error["nearest_after"] is None


def test_0_3_replicas_have_no_txids_and_0_5_replicas_no_positions(
    cli: Cli, levels: Case, tmp_path: Path, out: Path
) -> None:
    old = case("v03-plain", tmp_path)
    answer = cli("restore", "-txid", "1", "-o", out, old.url)
    assert (answer.code, "has no TXIDs" in answer.err) == (3, True)
    answer = cli("restore", "-index", "0", "-o", out, levels.url)
    assert (answer.code, "has no WAL indexes" in answer.err) == (3, True)
    answer = cli("restore", "-generation", "0" * 16, "-o", out, levels.url)
    assert (answer.code, "know no generations" in answer.err) == (3, True)


def test_what_was_stored_at_the_very_moment_is_left_out_and_that_is_said(
    cli: Cli, levels: Case, out: Path
) -> None:
    files = cli("ltx", "-level", "1", "-json", levels.url).document["files"]
    moment = datetime.fromisoformat(files[2]["created"])
    at_it = cli("restore", "-timestamp", moment.isoformat(), "-o", out, levels.url)
    assert "position    0000000000000008" in at_it.out
    assert "what was stored at that very moment is left out" in at_it.out
    later = (moment + timedelta(milliseconds=1)).isoformat()
    document = cli("restore", "-timestamp", later, "-o", f"{out}2", levels.url, "-json").document
    assert document["position"] == {"txid": "0000000000000010"}
    assert any("very moment" in note for note in document["notes"])


def test_a_dry_run_lists_every_file_as_litestream_does(cli: Cli, levels: Case) -> None:
    answer = cli("restore", "-dry-run", levels.url)
    assert answer.code == 0
    table = [line.split() for line in answer.out.split("\n\n")[1].splitlines()]
    assert table[0] == ["level", "file", "min_txid", "max_txid", "size", "timestamp"]
    assert [row[0] for row in table[1:]] == ["9", "1", "0"]
    assert table[2] == [
        "1",
        "0000000000000022-0000000000000028.ltx",
        "0000000000000022",
        "0000000000000028",
        "24442",
        "2026-11-22T14:29:41Z",
    ]
    assert "litestream restore -txid 0000000000000029 -o restored.db" in answer.out
    document = cli("restore", "-dry-run", "-json", levels.url).document
    assert [
        [str(item["level"]), item["name"], item["min_txid"], item["max_txid"]] for item in document["files"]
    ] == [row[:4] for row in table[1:]]
    assert [item["object"] for item in document["files"]] == [
        document["base"]["object"],
        *(change["object"] for change in document["changes"]),
    ]
    assert document["position"] == {"txid": "0000000000000029"}
    assert document["objects"] == 3


def test_a_dry_run_of_0_3_lists_no_ltx_files(cli: Cli, tmp_path: Path) -> None:
    document = cli("restore", "-dry-run", "-json", case("v03-plain", tmp_path).url).document
    assert "files" not in document


def test_options_of_litestream_0_5_are_taken(cli: Cli, levels: Case, out: Path) -> None:
    words = ["-integrity-check", "full", "-parallelism", "2", "-txid", "0000000000000029"]
    document = cli("restore", "-json", *words, "-o", out, levels.url).document
    assert document["integrity"]["ok"] is True
    assert document["continuity"] == "proven"
    assert digest_of(out) == levels.manifest["latest"]["digest"]


def test_a_hole_is_refused_naming_the_states_around_it(cli: Cli, uncompacted: Case, out: Path) -> None:
    victim = "000000000000000a"
    (uncompacted.replica / f"ltx/0/{victim}-{victim}.ltx").unlink()
    answer = cli("restore", "-o", out, uncompacted.url)
    assert answer.code == 4
    assert f"TXID {victim} is missing at every level" in answer.err
    assert "--to-last-good" in answer.err
    assert not out.exists()
    error = cli("restore", "-o", out, uncompacted.url, "-json").error
    assert error["last_good"]["position"] == {"txid": "0000000000000009"}
    part = cli("restore", "-to-last-good", "-o", out, uncompacted.url, "-json").document
    assert part["position"] == {"txid": "0000000000000009"}


def test_a_copy_without_its_times_is_restored_by_what_is_inside(
    cli: Cli, levels: Case, tmp_path: Path, out: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(levels.replica, copy, copy_function=shutil.copyfile)
    for moment in levels.moments:
        asked = ["-timestamp", moment.timestamp] if moment.timestamp else []
        answer = cli("restore", *asked, "-o", out, copy)
        assert _sha256(out) == moment.file_sha256
        assert ("those of a copy" in answer.out) == bool(asked)
        out.unlink()
    assert "those of a copy" in cli("timeline", copy).err
    assert "WARN  times      the listed times of LTX files are those of a copy" in cli("check", copy).out


@pytest.fixture
def mixed(levels: Case, tmp_path: Path) -> Case:
    """A replica that 0.3 began and 0.5 goes on with."""
    old = case("v03-plain", tmp_path)
    shutil.copytree(levels.replica / "ltx", old.replica / "ltx")
    return old


def test_a_mixed_replica_explains_which_history_it_takes(
    cli: Cli, mixed: Case, levels: Case, out: Path
) -> None:
    generation = mixed.manifest["latest"]["position"]["generation"]
    early = mixed.checkpoints[1]
    old = cli("restore", "-timestamp", early["timestamp"], "-o", out, mixed.url)
    assert digest_of(out) == early["digest"]
    assert (
        f"the newest state of that time is in generation {generation} (v0.3); this replica also holds"
        in old.out
    )
    new = cli("restore", "-json", "-o", f"{out}2", mixed.url)
    assert _sha256(Path(f"{out}2")) == levels.manifest["latest"]["file_sha256"]
    [note] = new.document["notes"]
    assert note.startswith("the newest state is in the LTX files (v0.5); this replica also holds")
    assert f"generation {generation} (v0.3)" in note
    plan = cli("restore", "-dry-run", "-json", mixed.url).document
    assert plan["notes"] == [note]
    assert plan["format"] == "v0.5"
    named = cli("restore", "-json", "-generation", generation, "-o", f"{out}3", mixed.url).document
    assert named["format"] == "v0.3"


def test_the_best_of_both_formats_is_chosen(
    cli: Cli, levels: Case, tmp_path: Path, configured: Callable[..., Path], out: Path
) -> None:
    old = case("v03-plain", tmp_path)
    file = configured(tmp_path / "app.db", old=old.replica, new=levels.replica)
    answer = cli("restore", "-config", file, "-txid", "29", "-o", out, "app.db")
    assert answer.code == 0
    assert "app.db old is not used: this replica has no TXIDs" in answer.err
    assert _sha256(out) == levels.manifest["latest"]["file_sha256"]
