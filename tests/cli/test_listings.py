"""What a configuration and its replicas hold, in Litestream's columns and as JSON."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from tests.cli.conftest import Cli
from tests.support.corpus import Case, case
from tests.support.soak import usually

LISTINGS = {"generations": "generations", "snapshots": "snapshots", "wal": "segments"}


@pytest.fixture
def replica(tmp_path: Path) -> Case:
    return case("v03-generations", tmp_path)


def _empty_segments(folder: Path, count: int) -> None:
    """Lay out a replica by its names alone."""
    generation = folder / "generations" / "0123456789abcdef"
    for part in ("snapshots", "wal"):
        (generation / part).mkdir(parents=True)
    (generation / "snapshots" / "00000000.snapshot.lz4").touch()
    for number in range(count):
        (generation / "wal" / f"{number // 100:08x}_{number % 100 * 4152:08x}.wal.lz4").touch()


def test_databases_names_paths_and_replicas(
    cli: Cli, replica: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    database = tmp_path / "app.db"
    database.write_bytes(b"x" * 2000)
    file = configured(database, near=replica.replica, far=replica.replica)
    answer = cli("databases", "-config", file)
    assert answer.code == 0
    assert answer.rows()[0][:4] == [str(database), "near,far", "2.0", "KiB"]
    [member] = cli("databases", "-config", file, "-json").document["databases"]
    assert member["exists"]
    assert [item["name"] for item in member["replicas"]] == ["near", "far"]


@pytest.mark.parametrize("command", ["databases", "replicas", "generations", "snapshots", "wal", "check"])
def test_without_any_configuration_the_next_step_is_named(command: str, cli: Cli) -> None:
    answer = cli(command)
    assert answer.code == 2
    assert answer.err.startswith("sqlrecover: no configuration found\nhint: ")
    assert cli(command, "--json").error["kind"] == "config"


def test_the_configuration_is_found_here(cli: Cli, configured: Callable[..., Path], replica: Case) -> None:
    shutil.copy(configured(Path("/nowhere/app.db"), file=replica.replica), "litestream.yml")
    assert cli("databases").rows()[0][:3] == ["/nowhere/app.db", "file", "missing"]


def test_generations_show_the_inventory(cli: Cli, replica: Case) -> None:
    answer = cli("generations", replica.url)
    inventory = {item["generation"]: item for item in replica.manifest["inventory"]["v03"]}
    rows = {row[1]: row for row in answer.rows()}
    assert rows.keys() == inventory.keys()
    for generation, row in rows.items():
        assert row[0] == "file"
        assert int(row[6]) == inventory[generation]["segments"]


def test_the_lag_is_measured_to_the_live_database(
    cli: Cli, replica: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    database = tmp_path / "app.db"
    database.touch()
    wal = Path(f"{database}-wal")
    wal.touch()
    changed = replica.newest + timedelta(minutes=2, seconds=5)
    os.utime(database, (0, 0))
    os.utime(wal, (changed.timestamp(), changed.timestamp()))
    answer = cli("generations", "-config", configured(database, file=replica.replica), "app.db")
    assert answer.rows()[-1][2] == "2m5s"


def test_the_lag_of_a_url_is_its_age(cli: Cli, replica: Case) -> None:
    clock = FixedClock(replica.newest + timedelta(hours=2))
    assert cli("generations", replica.url, clock=clock).rows()[-1][2] == "2h0m0s"


def test_snapshots_and_segments_have_sizes_and_positions(cli: Cli, replica: Case) -> None:
    sizes = {item["path"]: item["size"] for item in replica.manifest["objects"]}
    shown = {}
    for row in cli("snapshots", replica.url).rows():
        shown[f"generations/{row[1]}/snapshots/{row[5]}.snapshot.lz4"] = int(row[3])
    for row in cli("wal", replica.url).rows():
        assert row[6] == f"{int(row[2]):08x}:{int(row[3]):08x}"
        shown[f"generations/{row[1]}/wal/{row[6].replace(':', '_')}.wal.lz4"] = int(row[4])
    assert shown == sizes


@pytest.mark.parametrize(("command", "members"), LISTINGS.items())
def test_json_lists_what_text_lists(command: str, members: str, cli: Cli, replica: Case) -> None:
    text, document = cli(command, replica.url).rows(), cli(command, replica.url, "-json").document
    assert [row[1] for row in text] == [item["generation"] for item in document[members]]
    assert document["errors"] == []
    assert all(item["url"] == replica.url for item in document[members])


@pytest.mark.parametrize("command", ["snapshots", "wal"])
def test_one_generation_only(command: str, cli: Cli, replica: Case) -> None:
    wanted = replica.manifest["inventory"]["v03"][1]["generation"]
    assert {row[1] for row in cli(command, "-generation", wanted, replica.url).rows()} == {wanted}
    answer = cli(command, "-generation", "0" * 16, replica.url)
    assert answer.code == 3
    assert wanted in answer.err


def test_several_databases_are_told_apart(cli: Cli, replica: Case, tmp_path: Path) -> None:
    file = tmp_path / "two.yml"
    file.write_text(
        "dbs:\n"
        f"  - path: /data/a.db\n    replicas: [{{path: {replica.replica}}}]\n"
        f"  - path: /data/b.db\n    replicas: [{{path: {replica.replica}}}]\n"
    )
    assert [row[0] for row in cli("snapshots", "-config", file).rows()] == ["/data/a.db"] * 3 + [
        "/data/b.db"
    ] * 3
    assert len(cli("snapshots", "-config", file, "b.db").rows()) == 3


def test_a_replica_that_cannot_be_read_does_not_hide_the_others(
    cli: Cli, replica: Case, tmp_path: Path, configured: Callable[..., Path]
) -> None:
    file = configured(tmp_path / "app.db", gone=tmp_path / "gone", good=replica.replica)
    answer = cli("generations", "-config", file)
    assert answer.code == 6
    assert {row[0] for row in answer.rows()} == {"good"}
    assert answer.err.startswith("sqlrecover: app.db gone: ")
    document = cli("generations", "-config", file, "-json").document
    assert [error["replica"] for error in document["errors"]] == ["gone"]
    assert len(document["generations"]) == 3


@pytest.mark.parametrize("command", [*LISTINGS, "replicas", "timeline"])
def test_the_only_replica_that_cannot_be_read_is_the_error(command: str, cli: Cli, tmp_path: Path) -> None:
    url = (tmp_path / "gone").as_uri()
    answer = cli(command, url)
    assert (answer.code, answer.out) == (6, "")
    assert cli(command, url, "--json").error["kind"] == "bucket-not-found"


def test_replicas_show_where_and_how_far(cli: Cli, replica: Case) -> None:
    clock = FixedClock(replica.newest + timedelta(minutes=41))
    answer = cli("replicas", replica.url, clock=clock)
    assert "41 min ago" in answer.out
    assert answer.rows()[0][-1] == replica.url
    [member] = cli("replicas", replica.url, "--json").document["replicas"]
    assert member["timeline"]["generations"] == 3


def test_a_replica_name_nobody_has(cli: Cli, replica: Case, configured: Callable[..., Path]) -> None:
    answer = cli("wal", "-replica", "s3", "-config", configured(Path("/a.db"), near=replica.replica))
    assert answer.code == 3
    assert "replicas here: near" in answer.err


def test_foreign_objects_are_reported_once(cli: Cli, replica: Case) -> None:
    (replica.replica / "\x1b[2Jnote.txt").touch()
    answer = cli("wal", replica.url)
    assert answer.code == 0
    assert answer.err.count("other objects") == 1
    assert "\\x1b[2Jnote.txt" in answer.err
    assert "\x1b" not in answer.err + answer.out


def test_a_directory_is_a_replica_also_beside_a_configuration(
    cli: Cli, replica: Case, configured: Callable[..., Path]
) -> None:
    shutil.copy(configured(Path("/a.db"), near=replica.replica), "litestream.yml")
    assert len(cli("snapshots", replica.replica).rows()) == 3


def test_timeline_tells_coverage_pauses_and_points(cli: Cli, replica: Case) -> None:
    answer = cli("timeline", replica.url)
    assert "in 3 spans" in answer.out
    assert answer.out.count("pause") == 2
    points = sum(1 for item in replica.manifest["objects"])
    listed = cli("timeline", "-points", replica.url).out
    assert f"{points} restore points\n" in listed
    assert listed.count(".lz4") == points
    last = cli("timeline", "-limit", "2", replica.url).out
    assert f"{points} restore points, the last 2 shown\n" in last
    assert last.count(".lz4") == 2
    [document] = cli("timeline", replica.url, "-json", "-points").document["replicas"]
    assert len(document["points"]) == points
    assert len(document["coverage"]) == 3
    assert "points" not in cli("timeline", replica.url, "-json").document["replicas"][0]


def test_timeline_names_a_hole_and_the_points_around_it(cli: Cli, replica: Case) -> None:
    victim = replica.manifest["objects"][3]["path"]
    generation = victim.split("/")[1]
    (first,) = (replica.replica / "generations" / generation / "wal").glob("*_00000000.wal.lz4")
    first.unlink()
    answer = cli("timeline", replica.url)
    assert "  gap  WAL 00000000 begins at offset" in answer.out
    [document] = cli("timeline", replica.url, "-json").document["replicas"]
    kinds = {gap["kind"]: gap for gap in document["gaps"]}
    assert kinds["missing-start"]["before"] is not None


def test_very_many_segments_are_listed(cli: Cli, tmp_path: Path) -> None:
    """A hundred thousand in a soak; the console's benchmark has as many, and so has its timeline."""
    count = usually(20_000, 100_000)
    _empty_segments(tmp_path / "many", count)
    answer = cli("wal", tmp_path / "many")
    assert len(answer.out.splitlines()) == count + 1
    assert answer.out.splitlines()[-1].endswith(f"{count // 100 - 1:08x}:{99 * 4152:08x}")
    assert cli("timeline", tmp_path / "many", "-limit", "1", clock=FixedClock(datetime.now(UTC))).code == 0


def test_variables_are_expanded_unless_told_not_to(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "/srv")
    Path("litestream.yml").write_text("dbs:\n  - path: $WHERE/app.db\n    replicas: [{path: /r}]\n")
    assert cli("databases").rows()[0][0] == "/srv/app.db"
    assert cli("databases", "-no-expand-env").rows()[0][0].endswith("/$WHERE/app.db")


def test_what_the_configuration_warns_of_is_said_once_on_stderr(cli: Cli) -> None:
    Path("litestream.yml").write_text("addr: ':9090'\ndbs:\n  - path: /a.db\n    replicas: [{path: /r}]\n")
    answer = cli("databases", "--json")
    assert answer.code == 0
    assert answer.err.count("warning") <= 1
    assert answer.document["databases"][0]["path"] == "/a.db"
