"""One cursor in a replica's history, moved by object, lane, mark and commit, by time, and by the mouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType

from sqlite_recovery_tui.domain import Position, Txid, WalSegment
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import actions, wording
from sqlite_recovery_tui.tui.commit_reader import CommitReader
from sqlite_recovery_tui.tui.entries import Entry, EntryList, Stored
from sqlite_recovery_tui.tui.replica_work import Laid
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.replica_words import Spot
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.steps import Steps
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.commits import ObjectCommits


class ObjectList(RecordTable):
    """The list beside the timeline: rows go up and down, time goes sideways."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in actions.bindings("timeline") if binding.id in actions.timeline.SIDEWAYS
    ]


class HistoryScreen(ConsoleScreen):
    """A screen with a timeline and the list of what lies on it; the list's cursor is the one that counts."""

    commits: CommitReader

    def __init__(self, place: Place) -> None:
        """Move in the history of `place`."""
        super().__init__()
        self.place = place
        self.laid: Laid | None = None
        self.asked: tuple[AtTime, str] | None = None
        """The time that was typed, and the line that it leads to."""
        self.commit: tuple[str, int] | None = None
        """The object that the cursor stands inside of, and at which of its commits."""
        self._held: datetime | None = None
        """The moment that is kept while one goes from lane to lane."""

    def point_changed(self) -> None:
        """Show and plan what the cursor stands on now."""
        raise NotImplementedError

    def describe_point(self) -> None:
        """Show again what is known of it."""
        raise NotImplementedError

    @property
    def table(self) -> RecordTable:
        return self.query_one("#history", RecordTable)

    @property
    def timeline(self) -> Timeline:
        return self.query_one(Timeline)

    @property
    def lines(self) -> EntryList | None:
        return self.laid.lines if self.laid is not None else None

    @property
    def selected(self) -> Entry | None:
        """The line under the cursor."""
        number = self.table.cursor
        found = self.lines.entries if self.lines is not None else ()
        return found[number] if number < len(found) else None

    @property
    def spot(self) -> Spot | None:
        """Where the cursor stands, in full."""
        entry = self.selected
        if not isinstance(entry, Stored):
            return Spot(entry) if entry is not None else None
        key = entry.item.key
        found = self.commits.of(entry.item)
        commits = found if found is not None and not isinstance(found, RecoverError) else None
        number = self.commit[1] if self.commit is not None and self.commit[0] == key else None
        asked = self.asked[0] if self.asked is not None and self.asked[1] == key else None
        return Spot(entry, commits, number, asked)

    # moves

    def go_to(self, target: AtTime) -> None:
        """Put the cursor on the point that a time leads to."""
        timeline = self.place.timeline
        point = timeline.at_or_before(target.time) if timeline is not None else None
        if point is not None:
            self.asked = (target, point.key)
            self.table.move_to_key(point.key)
            self.point_changed()

    def go_to_object(self, key: str) -> None:
        """Put the cursor on the line of an object."""
        self.asked = self.commit = None
        self.table.move_to_key(key)

    def go_to_commit(self, key: str, position: Position | Txid) -> None:
        """Put the cursor on the commit of an object that ends at `position`."""
        self.go_to_object(key)
        entry = self.selected
        if not isinstance(entry, Stored) or not isinstance(entry.item, WalSegment):
            self.point_changed()
            return
        item = entry.item

        def enter() -> None:
            found = self._read(item, enter)
            if found is not None and self.selected == entry:
                places = [commit.place for commit in found.commits]
                self.commit = (item.key, places.index(position)) if position in places else None
            self.point_changed()

        enter()

    def _move(self, find: Callable[[Steps, int], int | None]) -> None:
        """Put the cursor where a step leads."""
        if self.lines is None:
            return
        place = find(Steps(self.lines), self.table.cursor)
        if place is not None:
            self.asked, self.commit, self._held = None, None, None
            self.table.move_to(place)

    def do_older(self) -> None:
        self._move(Steps.older)

    def do_newer(self) -> None:
        self._move(Steps.newer)

    def do_oldest(self) -> None:
        self._move(Steps.oldest)

    def do_newest(self) -> None:
        self._move(Steps.newest)

    def do_lane_up(self) -> None:
        self._change_lane(-1)

    def do_lane_down(self) -> None:
        self._change_lane(1)

    def _change_lane(self, step: int) -> None:
        """Go to another lane at the moment that the first of such steps began at, so that one gets back."""
        if self.lines is None:
            return
        steps, place = Steps(self.lines), self.table.cursor
        lane, moment = steps.block_of(place), self._held or steps.moment_of(place)
        if lane is None or moment is None:
            return
        self._move(lambda steps, _: steps.in_lane(lane + step, moment))
        self._held = moment

    def do_older_mark(self) -> None:
        if self.lines is not None:
            self._jump(self.lines.mark_after(self.table.cursor))

    def do_newer_mark(self) -> None:
        if self.lines is not None:
            self._jump(self.lines.mark_before(self.table.cursor))

    def _jump(self, place: int | None) -> None:
        if place is not None:
            self.table.move_to(place, center=True)

    @on(Timeline.Picked)
    def _picked(self, message: Timeline.Picked) -> None:
        lane = message.lane if message.lane is not None else self._lane_at(message)
        self._move(lambda steps, _: steps.in_lane(lane, message.moment))

    def _lane_at(self, message: Timeline.Picked) -> int:
        """Return the lane of the state that a moment leads to, for a click beside all lanes."""
        timeline = self.place.timeline
        point = timeline.at_or_before(message.moment) if timeline is not None else None
        if point is None or self.lines is None:
            return 0
        return Steps(self.lines).block_of(self.lines.places[point.key]) or 0

    # commits

    def do_older_commit(self) -> None:
        self._step_commit(-1)

    def do_newer_commit(self) -> None:
        self._step_commit(1)

    def _step_commit(self, step: int) -> None:
        """Go to the commit before or behind, over the end of the object into the next one."""
        spot = self.spot
        if spot is None or not isinstance(spot.entry, Stored):
            return
        if not isinstance(spot.entry.item, WalSegment) or (spot.is_last and step > 0):
            self._enter_object(step)
            return
        found = self._read(spot.entry.item, lambda: self._step_commit(step))
        if found is None:
            return
        last = len(found.commits) - 1
        number = (spot.number if spot.number is not None else last) + step
        if not 0 <= number <= last:
            self._enter_object(step)
            return
        self.commit = (spot.entry.item.key, number)
        self.point_changed()

    def _enter_object(self, step: int) -> None:
        """Go to the last commit of the object before, or the first of the one behind."""
        self._move(Steps.older if step < 0 else Steps.newer)
        entry = self.selected
        if not isinstance(entry, Stored) or not isinstance(entry.item, WalSegment):
            return
        item = entry.item

        def enter() -> None:
            found = self._read(item, enter)
            if found is not None and self.selected == entry and step > 0 and found.commits:
                self.commit = (item.key, 0)
            self.point_changed()

        enter()

    def _read(self, item: WalSegment, again: Callable[[], None]) -> ObjectCommits | None:
        """Return the commits of an object; where they have to be read first, `again` is called then."""
        found = self.commits.of(item)
        if isinstance(found, RecoverError):
            self.say(wording.words(found), bad=True)
            return None
        if found is None and self.lines is not None and self.commits.reading != item.key:
            self.commits.ask(item, self.lines.timeline, lambda: self._has_read(item, again))
            self.describe_point()
        return found

    def _has_read(self, item: WalSegment, again: Callable[[], None]) -> None:
        entry = self.selected
        if self.commits.of(item) is not None and isinstance(entry, Stored) and entry.item == item:
            again()
        self.describe_point()

    # zoom

    def do_zoom_in(self) -> None:
        if not self.timeline.zoom(closer=True):
            self.say("This is as close as it gets: one second")

    def do_zoom_out(self) -> None:
        self.timeline.zoom(closer=False)

    def do_zoom_all(self) -> None:
        self.timeline.zoom_out()

    def do_pan_left(self) -> None:
        self.timeline.pan(-0.5)

    def do_pan_right(self) -> None:
        self.timeline.pan(0.5)
