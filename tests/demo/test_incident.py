"""The sample incident is what its story says, for us and for stock Litestream alike."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
import yaml

from sqlite_recovery_tui.demo import DemoIncident, build
from sqlite_recovery_tui.demo.shop import MIGRATION
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.formats.generations import ObjectName, parse_key
from tests.demo.conftest import NOW
from tests.demo.stock import litestream_restore
from tests.support.litestream import litestream


def rows(database: Path, table: str) -> int:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(next(connection.execute(f"SELECT count(*) FROM {table}"))[0])
    finally:
        connection.close()


def has_migration(database: Path) -> bool:
    return rows(database, f"migrations WHERE name = '{MIGRATION}'") == 1


def names(replica: Path) -> dict[ObjectName, Path]:
    found = {parse_key(path.relative_to(replica).as_posix()): path for path in replica.rglob("*.lz4")}
    assert None not in found
    return {name: path for name, path in found.items() if name}


def written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def test_history_has_the_promised_shape(incident: DemoIncident) -> None:
    for replica in incident.replicas:
        objects = names(replica)
        times = [written(path) for path in objects.values()]
        assert min(times) >= NOW - timedelta(minutes=63)
        assert NOW - timedelta(seconds=30) <= max(times) <= NOW
        assert len({name.generation for name in objects}) == 2
        assert len([name for name in objects if name.offset is None]) >= 4
        assert len({(name.generation, name.index) for name in objects}) >= 10
        assert len(objects) > 200
    assert rows(incident.database, "customers") > 1000
    assert rows(incident.database, "events") > 5000


def test_the_last_good_moment_has_every_order(incident: DemoIncident, tmp_path: Path) -> None:
    assert incident.disaster_time - incident.last_good_time < timedelta(seconds=10)
    output = tmp_path / "good.db"
    litestream_restore(incident.replicas[0], output, timestamp=incident.last_good_time)
    assert (rows(output, "orders"), rows(output, "invoices")) == (
        incident.before.orders,
        incident.before.invoices,
    )
    assert not has_migration(output)


def test_the_disaster_deletes_thousands_of_orders(incident: DemoIncident, tmp_path: Path) -> None:
    assert incident.before.orders - incident.after.orders > 4000
    output = tmp_path / "bad.db"
    litestream_restore(incident.replicas[0], output, timestamp=incident.disaster_time + timedelta(seconds=1))
    assert (rows(output, "orders"), rows(output, "invoices")) == (
        incident.after.orders,
        incident.after.invoices,
    )
    assert has_migration(output)
    assert rows(incident.database, "orders") > incident.after.orders, "the shop went on taking orders"


def test_the_newest_point_of_both_replicas_is_production(incident: DemoIncident, tmp_path: Path) -> None:
    for replica in incident.replicas:
        output = tmp_path / f"{replica.name}.db"
        litestream_restore(replica, output)
        assert output.read_bytes() == incident.database.read_bytes()


def test_the_replicas_are_what_the_daemon_writes(incident: DemoIncident) -> None:
    """Each WAL that has ended is proven by its sidecar, which also dates each commit."""
    for replica in incident.replicas:
        for generation in {name.generation for name in names(replica)}:
            indexes = {name.index for name in names(replica) if name.generation == generation}
            ended = [sidecars.decode(path.read_bytes()) for path in sidecar_files(replica, generation)]
            assert len(ended) == len(indexes) - 1, "all but the one that was being written"
            assert None not in ended
            seen = [time for end in ended if end for time, _ in end.commits]
            assert seen == sorted(seen)
            assert len(seen) > 200
            assert any(0 < (time - incident.disaster_time).total_seconds() < 0.1 for time in seen) == (
                generation == newest_of(replica)
            )


def sidecar_files(replica: Path, generation: str) -> list[Path]:
    return sorted((replica / sidecars.prefix(generation)).glob("*.json"))


def newest_of(replica: Path) -> str:
    return max(names(replica).items(), key=lambda item: written(item[1]))[0].generation


def test_offsite_lacks_one_segment_inside_an_index(incident: DemoIncident) -> None:
    primary, offsite = (names(replica) for replica in incident.replicas)
    missing = [name for name in primary if name not in offsite and name.offset is not None]
    assert len(missing) == 1
    assert [parse_key(fault.key) for fault in incident.faults] == missing
    offsets = sorted(
        name.offset
        for name in offsite
        if name.offset is not None
        and (name.generation, name.index) == (missing[0].generation, missing[0].index)
    )
    assert offsets[0] == 0
    assert offsets[0] < (missing[0].offset or 0) < offsets[-1]
    hidden = written(primary[missing[0]])
    assert hidden < incident.last_good_time
    healing = min(
        written(path) for name, path in offsite.items() if name.offset is None and written(path) > hidden
    )
    assert healing > incident.disaster_time, "offsite cannot give the last good moment back"


def test_stock_litestream_is_fooled_by_offsite(incident: DemoIncident, tmp_path: Path) -> None:
    """What makes the second replica worth showing: a restore that succeeds and lacks rows."""
    output = tmp_path / "fooled.db"
    litestream_restore(incident.replicas[1], output, timestamp=incident.last_good_time + timedelta(seconds=1))
    truth = tmp_path / "truth.db"
    litestream_restore(incident.replicas[0], truth, timestamp=incident.last_good_time)
    assert rows(output, "events") < rows(truth, "events")


def test_stock_litestream_reads_the_configuration(incident: DemoIncident, tmp_path: Path) -> None:
    databases = yaml.safe_load(incident.config.read_text())["dbs"]
    assert [(item["path"], len(item["replicas"])) for item in databases] == [
        (str(incident.database), 2),
        (str(incident.jobs.database), 1),
    ]
    output = tmp_path / "restored.db"
    config = ["-config", str(incident.config), "-replica", "primary", "-o", str(output)]
    command = [litestream("0.3.13"), "restore", *config, str(incident.database)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert output.read_bytes() == incident.database.read_bytes()


def test_story_and_commands_name_the_moment(incident: DemoIncident) -> None:
    assert any(MIGRATION in line for line in incident.story)
    assert f"{incident.last_good_time:%H:%M:%SZ}" in incident.story[-1]
    restores = [line for line in incident.commands if line.startswith("sqlrecover restore ")]
    moments = {"shop.db": incident.last_good_time, "jobs.db": incident.jobs.script_time}
    assert {line.rpartition(" ")[2] for line in restores} == set(moments)
    for line in restores:
        assert f"-timestamp {moments[line.rpartition(' ')[2]]:%Y-%m-%dT%H:%M:%SZ} " in line


def test_same_moment_gives_the_same_files(incident: DemoIncident, tmp_path: Path) -> None:
    again = build(tmp_path / "demo", now=NOW)
    assert digest(again.directory / "replicas") == digest(incident.directory / "replicas")
    assert again.database.read_bytes() == incident.database.read_bytes()
    assert again.jobs.database.read_bytes() == incident.jobs.database.read_bytes()


def digest(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_rebuilding_keeps_what_it_did_not_make(tmp_path: Path) -> None:
    first = build(tmp_path / "demo", now=NOW - timedelta(days=1))
    (first.directory / "restored.db").write_text("mine")
    second = build(tmp_path / "demo", now=NOW)
    assert (first.directory / "restored.db").read_text() == "mine"
    assert min(written(path) for path in names(second.replicas[0]).values()) > NOW - timedelta(hours=2)


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "production").mkdir()
    (tmp_path / "production" / "shop.db").write_text("precious")
    with pytest.raises(RefusedError, match="is not a demo") as caught:
        build(tmp_path, now=NOW)
    assert "--dir" in caught.value.hint
    assert (tmp_path / "production" / "shop.db").read_text() == "precious"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(RefusedError):
        build(tmp_path / "demo", now=NOW)


@pytest.mark.parametrize("name", ["costs $5", "bell\a", "odd\udcff"])
def test_a_path_no_configuration_can_spell_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedError, match="could not spell"):
        build(tmp_path / name, now=NOW)


def test_odd_but_legal_paths_work(tmp_path: Path) -> None:
    incident = build(tmp_path / 'a "b" c\'s #1: ünï%20', now=NOW)
    assert yaml.safe_load(incident.config.read_text())["dbs"][0]["path"] == str(incident.database)


def test_a_place_that_cannot_be_written_is_an_error_with_a_hint() -> None:
    with pytest.raises(RecoverError, match="cannot build the demo") as caught:
        build(Path("/proc/sqlrecover-demo"), now=NOW)
    assert "--dir" in caught.value.hint
