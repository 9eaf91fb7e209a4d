"""`restore` gives exactly the state that was asked for, says which, and never harms what is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Cli
from tests.support.corpus import Case, case, cases, digest_of

CONTRACT = {
    "database",
    "replica",
    "url",
    "format",
    "output",
    "requested",
    "position",
    "time",
    "objects",
    "bytes_fetched",
    "pages",
    "page_size",
    "duration_ms",
    "integrity",
    "continuity",
    "unproven",
}


def _middle_segment(replica: Case) -> Path:
    segments = sorted(replica.replica.glob("generations/*/wal/*.lz4"))
    return segments[len(segments) // 2]


def _rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize("name", cases("v03"))
def test_every_checkpoint_of_every_real_replica_is_restored_as_it_was(
    name: str, cli: Cli, tmp_path: Path
) -> None:
    replica = case(name, tmp_path)
    for moment in replica.moments:
        file = tmp_path / f"{moment.label}.db"
        asked = ["-timestamp", moment.timestamp] if moment.timestamp else []
        answer = cli("restore", "--json", *asked, "-o", file, replica.url)
        assert answer.code == 0, (moment.label, answer)
        assert sha256(file.read_bytes()).hexdigest() == moment.file_sha256, moment.label
        assert digest_of(file) == moment.digest, moment.label
        assert {table: _rows(file, table) for table in moment.rows} == moment.rows


def test_the_document_has_what_the_contract_lists(cli: Cli, plain: Case, out: Path) -> None:
    document = cli("restore", "--json", "-integrity-check", "full", "-o", out, plain.url).document
    assert document.keys() >= CONTRACT
    latest = plain.manifest["latest"]
    assert document["position"] == latest["position"]
    assert document["pages"] == latest["page_count"]
    assert document["format"] == "v0.3"
    assert document["output"] == str(out)
    assert document["url"] == plain.url
    assert document["continuity"] in ("proven", "consistent")
    assert document["integrity"].items() >= {"kind": "full", "ok": True}.items()


def test_text_says_which_state_and_how_far_to_trust_it(cli: Cli, plain: Case, out: Path) -> None:
    moment = datetime.fromisoformat(plain.checkpoints[1]["timestamp"])
    answer = cli("restore", "-timestamp", moment.isoformat(), "-o", out, plain.url)
    assert answer.code == 0
    assert "before the time asked for" in answer.out
    assert "continuity  " in answer.out
    assert "integrity   not checked" in answer.out
    assert f"next: sqlrecover verify {out}" in answer.out
    checked = cli("restore", "-integrity-check=quick", "-o", f"{out}2", plain.url)
    assert "integrity   ok (quick ok)" in checked.out


@pytest.mark.parametrize(
    "spelling", ["{iso}", "{local}", "{clock}", "{epoch}", "{ago} sec ago"], ids=lambda text: text.strip("{}")
)
def test_a_time_may_be_written_in_any_usual_way(spelling: str, cli: Cli, plain: Case, out: Path) -> None:
    moment = datetime.fromisoformat(plain.checkpoints[1]["timestamp"]).astimezone()
    now = moment + timedelta(minutes=5)
    text = spelling.format(
        iso=moment.isoformat(),
        local=f"{moment:%Y-%m-%d %H:%M:%S.%f}",
        clock=f"{moment:%H:%M:%S.%f}",
        epoch=f"{moment.timestamp():.6f}",
        ago=(now - moment).total_seconds(),
    )
    answer = cli("restore", "--json", "-timestamp", text, "-o", out, plain.url, clock=FixedClock(now))
    assert answer.code == 0
    assert digest_of(out) == plain.checkpoints[1]["digest"]
    assert answer.document["requested"]["text"] == text


def test_a_position_restores_the_state_at_its_end(cli: Cli, plain: Case, out: Path) -> None:
    moment = plain.checkpoints[1]
    where = moment["position"]
    words = [
        "-generation",
        where["generation"],
        "-index",
        f"{where['index']:08x}",
        "-offset",
        f"{where['offset']:x}",
    ]
    answer = cli("restore", *words, "-o", out, plain.url)
    assert answer.code == 0
    assert digest_of(out) == moment["digest"]


def test_a_time_outside_the_coverage_is_refused_and_nearest_takes_the_nearest(
    cli: Cli, plain: Case, out: Path
) -> None:
    late = (plain.newest + timedelta(seconds=60)).isoformat()
    answer = cli("restore", "-timestamp", late, "-o", out, plain.url)
    assert answer.code == 3
    assert "newest available is" in answer.err
    assert "--nearest" in answer.err
    assert not out.exists()
    assert cli("restore", "-timestamp", late, "-o", out, plain.url, "--json").error["nearest_before"]
    nearest = cli("restore", "-timestamp", late, "-nearest", "-o", out, plain.url)
    assert nearest.code == 0
    assert "1 min before the time asked for" in nearest.out
    assert digest_of(out) == plain.manifest["latest"]["digest"]


def test_a_hole_is_refused_naming_the_points_around_it(cli: Cli, plain: Case, out: Path) -> None:
    victim = _middle_segment(plain)
    victim.unlink()
    answer = cli("restore", "-o", out, plain.url)
    assert answer.code == 4
    assert "to-last-good" in answer.err
    assert not out.exists()
    error = cli("restore", "-o", out, plain.url, "--json").error
    assert error["kind"] == "damaged"
    assert victim.name in error["object"]
    assert error["last_good"]["time"]
    part = cli("restore", "-to-last-good", "-o", out, plain.url, "--json")
    assert part.code == 0
    assert part.document["lost"]
    assert _rows(out, "orders") < plain.manifest["latest"]["rows"]["orders"]


def test_a_dry_run_tells_the_plan_and_writes_nothing(cli: Cli, plain: Case, out: Path) -> None:
    answer = cli("restore", "-dry-run", "-o", out, plain.url)
    assert answer.code == 0
    assert "by hand:" in answer.out
    assert f"> {out}\n" in answer.out
    document = cli("restore", "-dry-run", "--json", "-o", out, plain.url).document
    assert document["objects"] == len(document["changes"]) + 1
    assert document["estimate_seconds"] > 0
    assert document["recipe"][0].startswith("cat ")
    assert not out.exists()
    assert cli("restore", "-dry-run", plain.url).code == 0


def test_the_manual_recipe_never_writes_over_a_file(cli: Cli, plain: Case, out: Path) -> None:
    out.write_bytes(b"precious")
    answer = cli("restore", "-dry-run", "-o", out, plain.url)
    assert "exists" in answer.err
    assert f"> {out}\n" not in answer.out
    assert f"> {out.with_name('restored-out.db')}\n" in answer.out


def test_an_existing_file_is_refused_before_anything_is_asked(cli: Cli, tmp_path: Path, out: Path) -> None:
    out.write_bytes(b"precious")
    answer = cli("restore", "-o", out, (tmp_path / "gone").as_uri())
    assert answer.code == 7
    assert out.read_bytes() == b"precious"


def test_force_replaces_only_after_success_and_keeps_the_old_file(cli: Cli, plain: Case, out: Path) -> None:
    out.write_bytes(b"precious")
    victim = _middle_segment(plain)
    data = victim.read_bytes()
    victim.unlink()
    assert cli("restore", "-force", "-o", out, plain.url).code == 4
    assert out.read_bytes() == b"precious"
    victim.write_bytes(data)
    document = cli("restore", "-force", "-o", out, plain.url, "--json").document
    assert digest_of(out) == plain.manifest["latest"]["digest"]
    assert (Path(document["undo"]) / out.name).read_bytes() == b"precious"


def test_without_o_the_database_goes_to_its_own_path_only_if_nothing_is_there(
    cli: Cli, plain: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    database = tmp_path / "app.db"
    file = configured(database, file=plain.replica)
    assert cli("restore", "-config", file, database).code == 0
    assert digest_of(database) == plain.manifest["latest"]["digest"]
    again = cli("restore", "-config", file, "app.db")
    assert again.code == 7
    forced = cli("restore", "-config", file, "-force", "app.db")
    assert forced.code == 7
    assert f"-o {database}" in forced.err


def test_a_url_needs_an_output(cli: Cli, plain: Case) -> None:
    answer = cli("restore", plain.url)
    assert answer.code == 2
    assert "-o" in answer.err


def test_if_db_not_exists_leaves_an_existing_database_alone(cli: Cli, tmp_path: Path, out: Path) -> None:
    out.write_bytes(b"precious")
    gone = (tmp_path / "gone").as_uri()
    answer = cli("restore", "-if-db-not-exists", "-o", out, gone)
    assert answer.code == 0
    assert out.read_bytes() == b"precious"
    assert cli("restore", "-if-db-not-exists", "-o", out, gone, "--json").document["restored"] is False


def test_if_replica_exists_is_content_with_nothing(cli: Cli, tmp_path: Path, out: Path, plain: Case) -> None:
    (tmp_path / "empty").mkdir()
    for place in ("empty", "gone"):
        url = (tmp_path / place).as_uri()
        assert cli("restore", "-o", out, url).code in (3, 6)
        assert cli("restore", "-if-replica-exists", "-o", out, url).code == 0
    late = (plain.newest + timedelta(seconds=60)).isoformat()
    assert cli("restore", "-if-replica-exists", "-timestamp", late, "-o", out, plain.url).code == 3
    for named in (["-generation", "0" * 16], ["-index", "99"], ["-txid", "1"]):
        assert cli("restore", "-if-replica-exists", *named, "-o", out, plain.url).code == 3
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-timestamp yesteryear", "is not a time"),
        ("-index zz", "not a hexadecimal number"),
        ("-index -1", "not a hexadecimal number"),
        ("-offset 10", "-offset needs -index"),
        ("-timestamp 10:30 -index 0", "exclude one another"),
        ("-timestamp 10:30 -txid 1", "exclude one another"),
        ("-index 0 -txid 1", "exclude one another"),
        ("-generation 0123456789abcdef -txid 1", "exclude one another"),
        ("-txid 0", "is not a TXID"),
        ("-txid=-1", "is not a TXID"),
        ("-txid 12345678901234567", "is not a TXID"),
        ("-txid latest", "is not a TXID"),
        ("-generation nope", "not a generation"),
        ("-parallelism 0", "range"),
        ("-memory lots", "is no good for -memory"),
        ("-integrity-check half", "half"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    words: str, message: str, cli: Cli, plain: Case, out: Path
) -> None:
    answer = cli("restore", *words.split(), "-o", out, plain.url)
    assert answer.code == 2
    assert message in answer.err
    assert len(answer.err.splitlines()) <= 2
    assert not out.exists()


def test_the_best_replica_is_chosen_and_the_others_are_explained(
    cli: Cli, plain: Case, tmp_path: Path, configured: Callable[..., Path], out: Path
) -> None:
    other = case("v03-plain", tmp_path / "second")
    _middle_segment(other).unlink()
    newest = max(other.replica.glob("generations/*/wal/*.lz4"))
    newest.unlink()
    file = configured(tmp_path / "app.db", short=other.replica, whole=plain.replica, gone=tmp_path / "gone")
    answer = cli("restore", "-config", file, "-o", out, "app.db")
    assert answer.code == 0
    assert digest_of(out) == plain.manifest["latest"]["digest"]
    assert "newer than any other" in answer.out
    assert "app.db gone is not used" in answer.err
    named = cli("restore", "-config", file, "-replica", "gone", "-o", f"{out}2", "app.db")
    assert named.code == 6


def test_a_database_that_fails_its_check_is_kept_but_exits_5(
    cli: Cli, plain: Case, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage_restored_pages(monkeypatch)
    answer = cli("restore", "-integrity-check", "full", "-o", out, plain.url)
    assert answer.code == 5
    assert out.exists()
    assert "fails its check" in answer.err
    document = cli("restore", "-integrity-check", "full", "-o", f"{out}2", plain.url, "--json").document
    assert document["integrity"]["ok"] is False
    assert document["integrity"]["messages"]


def test_a_database_that_fails_its_check_replaces_nothing(
    cli: Cli, plain: Case, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage_restored_pages(monkeypatch)
    out.write_bytes(b"precious")
    answer = cli("restore", "-force", "-integrity-check", "full", "-o", out, plain.url)
    assert answer.code == 5
    assert out.read_bytes() == b"precious"
    assert sorted(path.name for path in out.parent.glob("out.db*")) == ["out.db"]


def _damage_restored_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spoil the file between apply and check, as a failing disk would."""
    from sqlite_recovery_tui.verify import integrity

    check = integrity.check_database

    def spoil(path: Path, **more: Any) -> Any:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 64)
        return check(path, **more)

    monkeypatch.setattr(integrity, "check_database", spoil)


def test_a_replica_that_proves_damaged_gives_way_to_one_that_holds(
    cli: Cli, plain: Case, tmp_path: Path, configured: Callable[..., Path], out: Path
) -> None:
    other = case("v03-plain", tmp_path / "second")
    _middle_segment(other).unlink()
    file = configured(tmp_path / "app.db", broken=other.replica, whole=plain.replica)
    answer = cli("restore", "-config", file, "-o", out, "app.db")
    assert answer.code == 0
    assert digest_of(out) == plain.manifest["latest"]["digest"]
    assert cli("restore", "-config", file, "-o", f"{out}2", "app.db", "-replica", "broken").code == 4
    _middle_segment(plain).unlink()
    assert cli("restore", "-config", file, "-o", f"{out}2", "app.db").code == 4
    part = cli("restore", "-config", file, "-to-last-good", "-o", f"{out}2", "app.db")
    assert part.code == 0
    assert "left out" in part.out
