"""`show` takes any stored object apart, names what is wrong where, and exits with 4 when something is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.demo.levels import LevelWriter
from tests.cli.conftest import Cli
from tests.support.generation_writer import GenerationWriter

START = datetime(2026, 3, 26, 10, tzinfo=UTC)


@pytest.fixture
def generations(tmp_path: Path) -> Path:
    """A snapshot and three segments."""
    with GenerationWriter(tmp_path / "app.db", tmp_path / "replica", page_size=1024) as writer:
        writer.connection.execute("CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT)")
        writer.new_generation(START)
        for number in range(1, 4):
            writer.connection.execute(f"INSERT INTO words(word) VALUES ('word {number}')")
            writer.ship(START + timedelta(seconds=number))
    return tmp_path / "replica"


@pytest.fixture
def levels(tmp_path: Path) -> Path:
    """Three LTX files of level 0."""
    with LevelWriter(tmp_path / "ltx.db", tmp_path / "levels") as writer:
        writer.connection.execute("CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT)")
        for number in range(1, 4):
            writer.connection.execute("INSERT INTO words(word) VALUES (?)", (f"word {number}",))
            writer.sync(START + timedelta(seconds=number))
    return tmp_path / "levels"


def segments(replica: Path) -> list[Path]:
    return sorted(replica.rglob("*.wal.lz4"))


def test_a_segment_its_transactions_and_its_frames(cli: Cli, generations: Path) -> None:
    name = segments(generations)[1].name
    answer = cli("show", generations, name)
    assert answer.code == 0
    assert "✓ proven: every frame's checksum goes on from the one before" in answer.out
    assert "page size 1,024" in answer.out
    assert "transaction  offset" in answer.out
    frames = cli("show", generations, name, "-frames", "--json").document
    assert frames["kind"] == "segment"
    assert len(frames["frame_list"]) == frames["frames"]
    assert {frame["state"] for frame in frames["frame_list"]} == {"holds"}
    assert frames["transaction_list"][-1]["end"] == f"{frames['end_offset']:08x}"


def test_a_position_inside_of_a_segment_leads_to_it(cli: Cli, generations: Path) -> None:
    listed = cli("wal", "--json", generations).document["segments"]
    inside = f"{listed[1]['index']:x}:{listed[1]['offset'] + 20:x}"
    assert cli("show", generations, inside, "--json").document["object"] == listed[1]["object"]


def test_a_snapshot_and_whose_its_pages_are(cli: Cli, generations: Path) -> None:
    key = next(generations.rglob("*.snapshot.lz4")).name
    answer = cli("show", generations, key, "-pages")
    assert "journal     write-ahead log" in answer.out
    assert "table words" in answer.out
    document = cli("show", generations, key, "--pages", "--json").document
    assert document["proof"]["verdict"] == "proven"
    assert document["page_list"][0]["belongs_to"] == "table sqlite_schema"
    assert document["header"]["page_size"] == 1024


def test_a_page_its_cells_and_its_bytes(cli: Cli, generations: Path) -> None:
    last = segments(generations)[-1].name
    page = next(
        row["page"]
        for row in cli("show", generations, last, "-pages", "--json").document["page_list"]
        if row["belongs_to"] == "table words"
    )
    answer = cli("show", generations, last, "-page", page, "-hex")
    assert "table words, its root page, as of this segment's end" in answer.out
    assert "'word 3'" in answer.out
    assert "\n003f0  " in answer.out
    document = cli("show", generations, last, "-page", page, "-hex", "--json").document["page"]
    assert len(bytes.fromhex(document["bytes"])) == 1024
    assert document["belongs_to"] == {"kind": "table", "name": "words", "table": "words"}
    assert [cell["rowid"] for cell in document["cell_list"]] == [1, 2, 3]


def test_a_frame_is_the_image_that_it_writes(cli: Cli, generations: Path) -> None:
    document = cli("show", generations, "0:0", "-frame", "0", "--json").document["page"]
    assert document["place"].startswith("frame 0, offset 00000020")
    listed = cli("show", generations, "0:0", "-frames", "--json").document["frame_list"]
    assert document["page"] == listed[0]["page"]


def test_an_ltx_file_by_its_txid(cli: Cli, levels: Path) -> None:
    answer = cli("show", levels, "3", "-pages")
    assert answer.code == 0
    assert "✓ proven: the checksum of the file holds" in answer.out
    assert "table words" in answer.out
    document = cli("show", levels, f"{3:016x}", "-page", "2", "--json").document
    assert document["level"] == 0
    assert document["page"]["belongs_to_words"] == "table words, its root page, as of TXID 0000000000000003"
    quick = cli("show", levels, "3", "-quick")
    assert "○ not proven: only its header and its page index were read" in quick.out
    assert quick.code == 0


def test_damage_is_shown_as_far_as_it_can_be_read(cli: Cli, generations: Path, levels: Path) -> None:
    damaged = segments(generations)[0]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    answer = cli("show", generations, damaged.name)
    assert answer.code == 4
    assert "✗ does not hold: LZ4 block cut short" in answer.out
    assert "transaction  offset" in answer.out
    document = cli("show", generations, damaged.name, "--json").document
    assert document["proof"]["verdict"] == "does not hold"
    assert document["faults"][0]["place"].endswith("of the compressed object")
    file = max(levels.rglob("*.ltx"))
    file.write_bytes(file.read_bytes()[:-9])
    assert cli("show", levels, file.name).code == 4


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("nothing",), 3, "no object here is called 'nothing'"),
    (("0:0", "-page", "999"), 3, "page 999 is not in"),
    (("0:0", "-frame", "999"), 3, "there is no frame 999 in"),
    (("0:0", "-frame", "1", "-page", "1"), 2, "exclude one another"),
    (("0:0", "-hex"), 2, "-hex needs -page or -frame"),
    (("0:0", "-page", "0"), 2, "-page"),
    ((), 2, "OBJECT"),
])  # fmt: skip
def test_what_cannot_be_shown_is_said(
    arguments: tuple[str, ...], code: int, words: str, cli: Cli, generations: Path
) -> None:
    answer = cli("show", generations, *arguments)
    assert answer.code == code
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_names_and_values_are_safe_on_a_terminal(cli: Cli, tmp_path: Path) -> None:
    evil = "e\x1b[31mvil\n\u202e[/]"
    with GenerationWriter(tmp_path / "a.db", tmp_path / "replica") as writer:
        writer.connection.execute(f'CREATE TABLE "{evil}"(x)')
        writer.connection.execute(f"INSERT INTO \"{evil}\" VALUES ('{evil}')")
        writer.new_generation(START)
    key = next((tmp_path / "replica").rglob("*.snapshot.lz4")).name
    for extra in (("-pages",), ("-page", "2")):
        answer = cli("show", tmp_path / "replica", key, *extra)
        assert answer.code == 0
        assert "\x1b" not in answer.out
        assert "\u202e" not in answer.out
        assert "e\\x1b[31mvil\\n" in answer.out
