"""Following: what is new is applied, lag is told, failures are waited out, and nothing ages silently."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.domain import Place, Position, Txid
from sqlite_recovery_tui.errors import AccessDenied, Cancelled, DamagedError, RecoverError, Unreachable
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.changes import CannotAdvance, Step
from sqlite_recovery_tui.restore.follow import FollowState, follow
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.faults import CopyBusy, CopyChanged
from sqlite_recovery_tui.restore.live.mark import Mark
from tests.support.copies import START, URL, Primary, begin, difference, mark, same
from tests.support.sql_process import SqlProcess


@dataclass
class Replica:
    """A source that plays a script: each entry answers one poll, whatever is asked after it finds nothing."""

    states: list[bytes]
    clock: FixedClock
    script: list[int | RecoverError | Callable[[], int | None]] = field(default_factory=list)
    """A state to lead to, a failure, or something to do before it."""
    base: int | RecoverError | None = None
    """The state that a rebase leads to, or its failure."""
    step_by_step: bool = False
    polls: list[float] = field(default_factory=list)
    rebases: int = 0
    url: str = URL

    def poll(self, since: Mark) -> Step | None:
        self.polls.append(self.clock.monotonic())
        found = self.script.pop(0) if self.script else None
        if callable(found):
            found = found()
        if isinstance(found, RecoverError):
            raise found
        return None if found is None else self.step(since, found)

    def step(self, since: Mark, number: int) -> Step:
        held = _number(since.place)
        target = held + 1 if self.step_by_step else number
        if target < number:
            self.script.insert(0, number)
        pages, images, size = difference(self.states[held], self.states[target])
        then = mark(target)
        return Step(pages, images, size, then.place, then.time, more=target < number)

    def rebase(self, since: Mark, into: Path) -> Mark:
        self.rebases += 1
        if isinstance(self.base, RecoverError):
            raise self.base
        assert self.base is not None
        into.write_bytes(self.states[self.base])
        return mark(self.base)


def _number(place: Place) -> int:
    assert isinstance(place, Txid)
    return place.value - 1


class Stop(CancelToken):
    """Lets time pass on the clock, and stops after so many turns."""

    def __init__(self, clock: FixedClock, turns: int) -> None:
        super().__init__()
        self._clock = clock
        self._turns = turns

    def wait(self, seconds: float) -> bool:
        self._clock.sleep(seconds)
        self._turns -= 1
        if self._turns <= 0:
            self.cancel()
        return self.cancelled


@dataclass
class Scene:
    replica: Replica
    copy: LiveCopy
    clock: FixedClock
    told: list[FollowState] = field(default_factory=list)

    def follow(self, turns: int = 1, **more: float) -> FollowState:
        return follow(
            self.replica,
            self.copy,
            stop=Stop(self.clock, turns),
            clock=self.clock,
            on_state=self.told.append,
            **more,
        )

    def holds(self, number: int) -> bool:
        return self.copy.mark == mark(number) and same(
            self.copy.path.read_bytes(), self.replica.states[number]
        )


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    primary = Primary(tmp_path_factory.mktemp("primary") / "primary.db")
    primary.history(6)
    primary.close()
    return primary.states


@pytest.fixture
def scene(states: list[bytes], tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(START + timedelta(minutes=1))
    with begin(tmp_path, states[0], clock) as copy:
        yield Scene(Replica(states, clock), copy, clock)


def unreachable() -> Unreachable:
    return Unreachable("cannot list s3://b: nothing answers", operation="list")


def hole() -> CannotAdvance:
    return CannotAdvance("TXID 2 is missing", object="ltx/0/2")


def test_what_is_new_is_applied_and_told(scene: Scene) -> None:
    scene.replica.script = [1, 3]
    last = scene.follow(turns=3)
    assert scene.holds(3)
    assert [state.position.label[-1] for state in scene.told] == ["2", "4", "4"]
    assert last.updates == 2
    assert last.time == mark(3).time
    assert (last.behind, last.problems) == (None, ())


def test_polls_keep_to_the_interval(scene: Scene) -> None:
    scene.follow(turns=4, interval=2.5)
    assert [later - scene.replica.polls[0] for later in scene.replica.polls] == [0, 2.5, 5, 7.5]


def test_an_idle_replica_is_no_lag(scene: Scene) -> None:
    scene.clock.sleep(86400)
    scene.follow(turns=3)
    assert [state.lag_seconds for state in scene.told] == [0, 0, 0]
    assert scene.told[-1].time == mark(0).time
    assert scene.told[-1].last_poll == scene.clock.now() - timedelta(seconds=1)


def test_lag_before_the_first_answer_is_the_age_of_what_is_held(scene: Scene) -> None:
    scene.replica.script = [unreachable()]
    scene.follow(turns=1)
    assert scene.told[0].lag_seconds == 60
    assert scene.told[0].last_poll is None
    assert scene.told[0].problems == ("cannot list s3://b: nothing answers",)


def test_lag_grows_while_nothing_answers_and_ends_with_an_answer(scene: Scene) -> None:
    scene.replica.script = [0 + 1, unreachable(), unreachable(), unreachable(), 2]
    scene.follow(turns=5)
    assert [state.lag_seconds for state in scene.told] == [0, 1, 2, 4, 0]
    assert [bool(state.problems) for state in scene.told] == [False, True, True, True, False]
    assert scene.holds(2)


def test_waits_grow_up_to_half_a_minute(scene: Scene) -> None:
    scene.replica.script = [unreachable() for _ in range(9)]
    scene.follow(turns=9, max_lag=1000)
    waits = [later - sooner for sooner, later in pairwise(scene.replica.polls)]
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_waits_begin_anew_after_a_success(scene: Scene) -> None:
    scene.replica.script = [unreachable(), unreachable(), 1, unreachable(), unreachable()]
    scene.follow(turns=6)
    waits = [later - sooner for sooner, later in pairwise(scene.replica.polls)]
    assert waits == [1, 2, 1, 1, 2]


@pytest.mark.parametrize(
    "failure",
    [unreachable(), AccessDenied("not allowed", operation="get"), DamagedError("spoilt", object="k")],
)
def test_a_failure_that_lasts_is_raised_with_the_lag(failure: RecoverError, scene: Scene) -> None:
    scene.replica.script = [1, *(failure for _ in range(100))]
    with pytest.raises(type(failure)) as caught:
        scene.follow(turns=100, max_lag=40)
    assert caught.value.message.startswith(f"{scene.copy.path} is 40 s behind its replica: ")
    assert scene.replica.polls[-1] - scene.replica.polls[0] == 40
    assert scene.holds(1)


def test_an_old_copy_is_given_time_to_catch_up(scene: Scene) -> None:
    scene.clock.sleep(86400)
    scene.replica.script = [unreachable(), unreachable(), 5]
    scene.follow(turns=3, max_lag=40)
    assert scene.holds(5)
    assert [state.lag_seconds > 86400 for state in scene.told] == [True, True, False]


def test_what_is_known_and_left_for_later_is_taken_at_once(scene: Scene) -> None:
    scene.replica.step_by_step = True
    scene.replica.script = [4]
    scene.follow(turns=4)
    assert scene.holds(4)
    assert len(set(scene.replica.polls)) == 1
    lags = [round(state.lag_seconds) for state in scene.told]
    assert lags == [59, 58, 57, 0]


def test_a_reader_that_stays_in_is_a_problem_that_is_told_and_tried_again(scene: Scene) -> None:
    scene.replica.script = [2]
    with SqlProcess(scene.copy.path) as reader:
        reader.rows("BEGIN")
        reader.rows("SELECT * FROM version")
        scene.follow(turns=2)
        assert scene.holds(0)
        assert scene.told[-1].behind == mark(2).place
        assert scene.told[-1].lag_seconds > scene.told[0].lag_seconds >= 60
        assert str(reader.pid) in scene.told[-1].problems[0]
        reader.rows("COMMIT")
    # Another run knows nothing of the step that waited: it asks again.
    scene.replica.script = [2]
    scene.follow(turns=1)
    assert scene.holds(2)


def test_a_step_that_waits_is_not_fetched_again(scene: Scene) -> None:
    reader = SqlProcess(scene.copy.path)
    scene.replica.script = [2]

    def on_state(state: FollowState) -> None:
        scene.told.append(state)
        if len(scene.told) == 3:
            reader.rows("COMMIT")

    with reader:
        reader.rows("BEGIN")
        reader.rows("SELECT * FROM version")
        follow(scene.replica, scene.copy, stop=Stop(scene.clock, 4), clock=scene.clock, on_state=on_state)
    assert scene.holds(2)
    assert len(scene.replica.polls) == 1
    # The copy is as new as the answer was, not as the moment at which readers let it in.
    assert scene.told[-1].lag_seconds > 5
    assert scene.told[-1].problems == ()


def test_a_reader_that_never_ends_ends_the_following(scene: Scene) -> None:
    scene.replica.script = [2]
    with SqlProcess(scene.copy.path) as reader:
        reader.rows("BEGIN")
        reader.rows("SELECT * FROM version")
        with pytest.raises(CopyBusy, match="behind its replica"):
            scene.follow(turns=100, max_lag=20)
        assert reader.value("SELECT n FROM version") == 0


def test_a_hole_is_looked_at_twice_before_a_new_base_is_fetched(scene: Scene) -> None:
    scene.replica.script = [hole(), 2]
    scene.follow(turns=2)
    assert scene.holds(2)
    assert scene.replica.rebases == 0
    assert scene.told[0].problems == ("TXID 2 is missing",)


def test_a_hole_is_got_over_by_a_newer_base_that_open_readers_notice(scene: Scene) -> None:
    scene.replica.script = [hole(), hole(), 5]
    scene.replica.base = 4
    with SqlProcess(scene.copy.path) as reader:
        assert reader.value("SELECT n FROM version") == 0
        scene.follow(turns=2)
        assert reader.value("SELECT n FROM version") == 4
        assert scene.holds(4)
        scene.follow(turns=1)
        assert reader.value("SELECT n FROM version") == 5
    assert scene.replica.rebases == 1
    assert any("restoring a newer base" in "".join(state.problems) for state in scene.told)
    assert not scene.copy.path.with_name(".copy.db.sqlrecover-base").exists()


def test_another_page_size_takes_a_new_base(scene: Scene, tmp_path: Path) -> None:
    other = Primary(tmp_path / "other.db", page_size=8192)
    other.grow()
    other.close()
    scene.replica.states = [*scene.replica.states, other.states[-1]]
    number = len(scene.replica.states) - 1
    scene.replica.script = [number, number]
    scene.replica.base = number
    scene.follow(turns=2)
    assert scene.holds(number)
    assert scene.copy.page_size == 8192


@pytest.mark.parametrize("base", [0, CannotAdvance("no snapshot is newer")])
def test_a_hole_without_a_newer_base_is_never_gone_over(base: int | RecoverError, scene: Scene) -> None:
    scene.replica.script = [hole() for _ in range(100)]
    scene.replica.base = base
    with pytest.raises(CannotAdvance, match=r"TXID 2 is missing; .*newer") as caught:
        scene.follow(turns=100, max_lag=30)
    assert caught.value.code == DamagedError.code
    assert scene.holds(0)
    assert not scene.copy.path.with_name(".copy.db.sqlrecover-base").exists()


def test_a_base_of_another_lineage_counts_by_its_time(
    scene: Scene, states: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Mark(Position("b" * 16, 0, 0), mark(3).time, "b" * 16)

    def rebase(since: Mark, into: Path) -> Mark:
        into.write_bytes(states[3])
        return here

    monkeypatch.setattr(scene.replica, "rebase", rebase)
    scene.replica.script = [hole(), hole()]
    scene.follow(turns=2)
    assert scene.copy.mark == here
    assert not Path(f"{scene.copy.path}-txid").exists()


def test_a_base_that_cannot_be_had_is_tried_again(scene: Scene) -> None:
    scene.replica.script = [hole(), hole(), hole()]
    scene.replica.base = unreachable()

    def on_state(state: FollowState) -> None:
        scene.told.append(state)
        if scene.replica.rebases == 1:
            scene.replica.base = 4

    follow(scene.replica, scene.copy, stop=Stop(scene.clock, 3), clock=scene.clock, on_state=on_state)
    assert scene.holds(4)


def test_a_copy_that_somebody_wrote_to_ends_the_following_even_when_nothing_is_new(scene: Scene) -> None:
    def write() -> None:
        connection = sqlite3.connect(scene.copy.path)
        connection.execute("UPDATE version SET n = 99")
        connection.commit()
        connection.close()

    scene.replica.script = [1, write]
    with pytest.raises(CopyChanged):
        scene.follow(turns=10)
    connection = sqlite3.connect(scene.copy.path)
    assert connection.execute("SELECT n FROM version").fetchone() == (99,)
    connection.close()


def test_stopping_is_no_failure(scene: Scene) -> None:
    def stop() -> int:
        raise Cancelled("cancelled")

    scene.replica.script = [1, stop]
    state = scene.follow(turns=10)
    assert state.position == mark(1).place
    assert len(scene.told) == 1


def test_the_state_is_one_line_of_json(scene: Scene) -> None:
    scene.replica.script = [2]
    scene.follow(turns=1)
    line = json.loads(json.dumps(scene.told[0].to_json()))
    assert line["position"] == {"txid": "0000000000000003"}
    assert (line["lag_seconds"], line["behind"], line["updates"], line["problems"]) == (0, None, 1, [])
    for name in ("time", "last_poll"):
        assert datetime.fromisoformat(line[name]).utcoffset() == timedelta(0)
