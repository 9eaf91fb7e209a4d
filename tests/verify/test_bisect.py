"""The first commit at which an answer changed: found in few steps, inside segments too, and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import NotFoundError, OutsideCoverage
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.verify.bisect import Bisection, Found, Question
from sqlite_recovery_tui.verify.stops import Line, between, stops
from tests.support.generation_writer import GenerationWriter
from tests.support.shelf import Shelf, at, folder


class Life:
    """A database whose every commit is known, and shipped when it is told to."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.shelf = Shelf()
        self.writer = GenerationWriter(place / "app.db", self.shelf.take, page_size=512)
        self.run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 'a')")
        self.writer.new_generation(at(0))
        self.seconds = 10

    def run(self, *statements: str) -> Position:
        for statement in statements:
            self.writer.connection.execute(statement)
        return self.writer.position

    def ship(self) -> None:
        self.seconds += 1
        self.writer.ship(at(self.seconds))

    def search(self, sql: str, expect: str | None = None, **times: float) -> Found:
        store = self.shelf.store()
        line = Line(scan(store), None, "r", store.url)
        moments = (at(times[name]) if name in times else None for name in ("start", "end"))
        scratch = self.place / "scratch" / "app.db"
        scratch.parent.mkdir(exist_ok=True)
        scratch.unlink(missing_ok=True)
        return Bisection(store, line, Question(sql, expect), scratch).run(
            between(stops(line.timeline), *moments)
        )


@pytest.fixture
def life() -> Iterator[Life]:
    with folder() as place:
        made = Life(place)
        yield made
        made.writer.close()


def test_two_thousand_segments_take_twelve_steps(life: Life) -> None:
    culprit = None
    for number in range(2, 2002):
        after = life.run(
            f"UPDATE t SET v = 'gone' WHERE id = 1; INSERT INTO t VALUES ({number}, 'x')"
            if number == 1377
            else f"INSERT INTO t VALUES ({number}, 'x')"
        )
        culprit = after if number == 1377 else culprit
        life.ship()
        if number % 400 == 0:
            life.writer.checkpoint("TRUNCATE")
    found = life.search("SELECT v FROM t WHERE id = 1")
    assert found.steps <= 12
    assert (found.states, found.before.answer.text, found.after.answer.text) == (2001, "a", "gone")
    # One statement after the other: the segment holds two commits, the first of which is the culprit.
    assert found.after.place < culprit  # type: ignore[operator]
    [table] = found.changes.tables
    assert (table.name, table.added, table.removed, table.changed) == ("t", 0, 0, 1)
    assert not any(seen.answer.failure for seen in found.asked)


def test_a_commit_inside_a_segment_is_found_with_what_it_changed(life: Life) -> None:
    places = [life.run(f"INSERT INTO t VALUES ({number}, 'x')") for number in range(2, 40)]
    life.ship()
    life.run("DELETE FROM t WHERE id > 10")
    life.ship()
    found = life.search("SELECT max(id) > 20 FROM t", end=11)
    assert (found.before.place, found.after.place) == (places[18], places[19])
    assert [(row.change, row.row[0].value) for _, row in found.changes.rows] == [("+", 21)]
    assert found.before.stop.words[-2:] == ("-offset", f"{places[18].offset:08x}")


def test_a_table_that_is_not_there_is_an_answer(life: Life) -> None:
    for number in range(2, 6):
        life.run(f"INSERT INTO t VALUES ({number}, 'x')")
        life.ship()
    life.run("CREATE TABLE later(x)")
    life.ship()
    found = life.search("SELECT count(*) FROM later")
    assert (found.before.answer.text, found.after.answer.text) == ("no such table: later", "0")
    assert [change.name for change in found.changes.schema] == ["later"]


def test_what_does_not_differ_is_told_and_not_searched(life: Life) -> None:
    for value in ("b", "a"):
        life.run(f"UPDATE t SET v = '{value}'")
        life.ship()
    with pytest.raises(NotFoundError, match=r"does not differ between .* it is a at both"):
        life.search("SELECT v FROM t")
    with pytest.raises(NotFoundError, match="is c at neither end"):
        life.search("SELECT v FROM t", expect="c", end=11)
    with pytest.raises(NotFoundError, match="no such column: w at both") as told:
        life.search("SELECT w FROM t")
    assert told.value.hint == "correct the statement"
    with pytest.raises(OutsideCoverage, match="the oldest state"):
        life.search("SELECT v FROM t", start=-100)


def test_an_answer_that_keeps_changing_is_said_to(life: Life) -> None:
    for number in range(2, 12):
        life.run(f"INSERT INTO t VALUES ({number}, 'x')")
        life.ship()
    found = life.search("SELECT count(*) FROM t")
    assert (found.before.answer.text, found.after.answer.text) == ("1", "2")
    assert "different answers were seen" in found.notes[-1]
    expected = life.search("SELECT count(*) FROM t", expect="11")
    assert (expected.before.answer.text, expected.after.answer.text) == ("10", "11")
    assert "if the answer changed back" in expected.notes[-1]
