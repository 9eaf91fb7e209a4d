"""What the writer ships is a real v0.3 replica: stock Litestream restores it, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.formats import generations, lz4, wal
from tests.demo.stock import litestream_restore
from tests.support.generation_writer import GenerationWriter

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def series(count: int) -> str:
    step = "SELECT value + 1 FROM numbers WHERE value"
    return f"(WITH RECURSIVE numbers(value) AS (VALUES (1) UNION ALL {step} < {count}) SELECT * FROM numbers)"


def make_writer(folder: Path, **options: object) -> GenerationWriter:
    return GenerationWriter(folder / "app.db", folder / "replica", keep_states=True, **options)  # type: ignore[arg-type]


def fill(writer: GenerationWriter, seconds: int, *, commits: int = 3) -> None:
    """Commit some rows and ship each commit a second later than the one before."""
    for number in range(commits):
        writer.connection.execute(
            f"INSERT INTO note(body) SELECT hex(randomblob(300)) FROM {series(12)}"
            if number % 2
            else "UPDATE note SET body = body || 'x' WHERE id % 3 = 0"
        )
        writer.ship(at(seconds + number))


def history(writer: GenerationWriter) -> None:
    """Two generations with several snapshots and WALs, ended each possible way."""
    writer.connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)")
    writer.connection.execute(f"INSERT INTO note(body) SELECT printf('%0500d', value) FROM {series(40)}")
    writer.new_generation(at(0))
    fill(writer, 10)
    writer.checkpoint("RESTART")
    fill(writer, 20)
    writer.snapshot(at(30))
    fill(writer, 40)
    writer.checkpoint("FULL")
    fill(writer, 45)
    writer.snapshot(at(50), checkpoint=None)
    writer.connection.execute("DELETE FROM note WHERE id % 2; VACUUM")
    writer.ship(at(60))
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fill(writer, 70)
    writer.new_generation(at(100))
    fill(writer, 110)
    writer.checkpoint("TRUNCATE")
    fill(writer, 120)


@pytest.mark.parametrize(
    ("page_size", "pragmas"),
    [(512, ()), (4096, ("encoding='UTF-16le'",)), (4096, ("auto_vacuum=FULL",)), (65536, ())],
)
def test_stock_litestream_restores_every_moment(
    tmp_path: Path, page_size: int, pragmas: tuple[str, ...]
) -> None:
    with make_writer(tmp_path, page_size=page_size, pragmas=pragmas) as writer:
        history(writer)
        assert {commit.position.index for commit in writer.commits} == {0, 1, 2, 3, 4}
    moments = [
        START + timedelta(seconds=seconds) for seconds in (0, 11, 22, 30, 42, 47, 55, 60, 72, 100, 112, 122)
    ]
    for moment in moments:
        expected = writer.commit_at(moment)
        assert expected is not None
        output = tmp_path / "restored.db"
        litestream_restore(tmp_path / "replica", output, timestamp=moment)
        assert output.read_bytes() == expected.state, f"at {moment}"
        output.unlink()


def test_states_are_the_database_itself(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    history(writer)
    writer.close()
    assert writer.commits[-1].state == writer.database.read_bytes()


def test_segments_follow_one_another(tmp_path: Path) -> None:
    with make_writer(tmp_path) as writer:
        history(writer)
        ends: dict[tuple[str, int], int] = {}
        for key in sorted(
            str(path.relative_to(tmp_path / "replica")) for path in tmp_path.rglob("*.wal.lz4")
        ):
            name = generations.parse_key(key)
            assert name is not None
            data = lz4.decompress((tmp_path / "replica" / key).read_bytes(), max_bytes=1 << 24)
            assert name.offset == ends.get((name.generation, name.index), 0)
            if name.offset == 0:
                assert wal.parse_header(data).page_size == 4096
            ends[name.generation, name.index] = name.offset + len(data)
        for (generation, index), end in ends.items():
            assert Position(generation, index, end) in {commit.position for commit in writer.commits}


def test_objects_carry_the_time_they_were_given(tmp_path: Path) -> None:
    with make_writer(tmp_path) as writer:
        history(writer)
        for item in writer.objects:
            status = (tmp_path / "replica" / item.key).stat()
            assert (datetime.fromtimestamp(status.st_mtime, UTC), status.st_size) == (item.time, item.size)


def test_a_segment_can_be_cut_inside_a_transaction(tmp_path: Path) -> None:
    with make_writer(tmp_path) as writer:
        writer.connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)")
        writer.new_generation(at(0))
        fill(writer, 10, commits=2)
        before = writer.commits[-1]
        writer.connection.execute(f"INSERT INTO note(body) SELECT hex(randomblob(900)) FROM {series(30)}")
        cut = before.position.offset + 2 * (24 + 4096)
        (part,) = writer.ship(at(20), end=cut)
        assert (part.offset, writer.commit_at(at(20))) == (before.position.offset, before)
        litestream_restore(tmp_path / "replica", tmp_path / "part.db")
        assert (tmp_path / "part.db").read_bytes() == before.state
        (rest,) = writer.ship(at(21))
        assert rest.offset == cut
        litestream_restore(tmp_path / "replica", tmp_path / "whole.db")
        assert (tmp_path / "whole.db").read_bytes() == writer.commits[-1].state


def test_shipping_past_the_end_is_an_error(tmp_path: Path) -> None:
    with make_writer(tmp_path) as writer:
        writer.new_generation(at(0))
        with pytest.raises(ValueError, match="nothing to ship"):
            writer.ship(at(1), end=4096)
        assert writer.ship(at(1)) == []


def test_rolled_back_spills_are_not_shipped(tmp_path: Path) -> None:
    with make_writer(tmp_path) as writer:
        writer.connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT); PRAGMA cache_size=5")
        writer.new_generation(at(0))
        fill(writer, 10, commits=2)
        end = writer.position
        writer.connection.execute(
            f"BEGIN; INSERT INTO note(body) SELECT hex(randomblob(900)) FROM {series(100)}; ROLLBACK"
        )
        assert (tmp_path / "app.db-wal").stat().st_size > end.offset + 20 * 4096
        assert (writer.position, writer.ship(at(20))) == (end, [])
        fill(writer, 30)
        litestream_restore(tmp_path / "replica", tmp_path / "restored.db")
        assert (tmp_path / "restored.db").read_bytes() == writer.commits[-1].state


def test_what_a_generation_leaves_unshipped_stays_so(tmp_path: Path) -> None:
    with make_writer(tmp_path, generation_ids=["a" * 16, "b" * 16]) as writer:
        writer.connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)")
        writer.new_generation(at(0))
        writer.connection.execute("INSERT INTO note(body) VALUES ('lost while replication was down')")
        writer.new_generation(at(10))
        assert [commit.time for commit in writer.commits] == [at(0), None, at(10)]
        assert [commit.position.generation[0] for commit in writer.commits] == ["a", "a", "b"]


def test_any_sink_can_take_the_objects(tmp_path: Path) -> None:
    stored: dict[str, tuple[bytes, datetime]] = {}

    def keep(key: str, pieces: object, time: datetime) -> int:
        stored[key] = (b"".join(pieces), time)  # type: ignore[call-overload]
        return len(stored[key][0])

    with GenerationWriter(tmp_path / "app.db", keep, generation_ids=["0123456789abcdef"]) as writer:
        writer.connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)")
        writer.new_generation(at(0))
        fill(writer, 10, commits=1)
    assert (
        list(stored)
        == [
            "generations/0123456789abcdef/snapshots/00000000.snapshot.lz4",
        ]
        or list(stored)[1] == "generations/0123456789abcdef/wal/00000000_00000000.wal.lz4"
    )


def test_a_reader_in_the_way_of_a_checkpoint_is_told(tmp_path: Path) -> None:
    with make_writer(tmp_path) as writer:
        writer.connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)")
        writer.new_generation(at(0))
        fill(writer, 10, commits=1)
        reader = apsw.Connection(str(writer.database))
        reader.execute("BEGIN; SELECT * FROM note").fetchall()
        fill(writer, 20, commits=2)
        assert not writer.checkpoint("PASSIVE")
        with pytest.raises(apsw.BusyError):
            writer.checkpoint("TRUNCATE")
        reader.close()
        assert writer.checkpoint("PASSIVE")


def test_every_object_is_the_frame_that_litestream_writes(tmp_path: Path) -> None:
    """Independent 4 MiB blocks, a content checksum, no content size."""
    with make_writer(tmp_path) as writer:
        history(writer)
        headers = {(tmp_path / "replica" / item.key).read_bytes()[:7].hex() for item in writer.objects}
    assert headers == {"04224d186470b9"}
