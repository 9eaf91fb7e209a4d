"""What cannot be restored is refused with what is offered instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage, RecoverError
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Target
from tests.support.listings import B, listing, timeline, timeline_of
from tests.support.plans import HOLED, OPEN_HOLE, WHOLE, plan, short


@dataclass
class Refusal:
    what: str
    listing: str
    target: Target | float | None
    kind: type[RecoverError]
    message: str
    before: str = ""
    after: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    b: str = ""


REFUSALS = [
    Refusal("nothing at all", "", None, NotFoundError, "no backups found at s3://bucket/app"),
    Refusal("segments alone", "0.0@1 1.0@2", None, DamagedError, "nothing can be restored .* no snapshot"),
    Refusal(
        "before the first",
        WHOLE,
        -60,
        OutsideCoverage,
        r"oldest available is 2026-03-26T10:00:00Z, 60 s after",
        after="S0",
    ),
    Refusal(
        "after the last",
        WHOLE,
        90,
        OutsideCoverage,
        r"newest available is 2026-03-26T10:00:30Z, 60 s before",
        before="2.1018",
    ),
    Refusal("long after the last", WHOLE, 4e6, OutsideCoverage, "3,999,970 s before", before="2.1018"),
    Refusal("inside a hole", HOLED, 22, DamagedError, "behind a hole: WAL 00000002 is missing", "1.0", "S4"),
    Refusal("where a hole may begin", HOLED, 5.000001, DamagedError, "behind a hole", "1.0", "S4"),
    Refusal("the last moment of a hole", HOLED, 29.999999, DamagedError, "behind a hole", "1.0", "S4"),
    Refusal(
        "the latest behind a hole",
        OPEN_HOLE,
        None,
        DamagedError,
        "the newest state lies behind a hole",
        "1.0",
    ),
    Refusal("a time behind an open hole", OPEN_HOLE, 20, DamagedError, "behind a hole", "1.0"),
    Refusal(
        "the last object's time behind an open hole", OPEN_HOLE, 30, DamagedError, "behind a hole", "1.0"
    ),
    Refusal(
        "nearest does not pass a hole",
        OPEN_HOLE,
        40,
        DamagedError,
        "behind a hole",
        "1.0",
        options={"nearest": True},
    ),
    Refusal("a pause behind an open hole", OPEN_HOLE, 50, DamagedError, "behind a hole", "1.0", b="S0@100"),
    Refusal(
        "the latest, its generation without a snapshot",
        WHOLE,
        None,
        DamagedError,
        "no snapshot before it",
        b="0.0@100",
    ),
    Refusal(
        "a time in a generation without a snapshot",
        WHOLE,
        100,
        DamagedError,
        "no snapshot",
        b="0.0@100 1.0@110",
    ),
    Refusal(
        "an index that was never there",
        WHOLE,
        AtPosition(7),
        NotFoundError,
        "WAL 00000007 is not in this replica",
    ),
    Refusal(
        "a missing index",
        HOLED,
        AtPosition(2),
        DamagedError,
        "the end of WAL 00000002 lies behind a hole",
        "1.0",
        "S4",
    ),
    Refusal("an index behind a hole", HOLED, AtPosition(3), DamagedError, "behind a hole", "1.0", "S4"),
    Refusal(
        "an offset behind a hole",
        HOLED,
        AtPosition(3, 0x20),
        DamagedError,
        "position 00000003:00000020 lies",
        "1.0",
        "S4",
    ),
    Refusal("an index behind an open hole", OPEN_HOLE, AtPosition(3), DamagedError, "behind a hole", "1.0"),
    Refusal(
        "the end of a WAL whose start is missing, its snapshot there",
        "S0@0 0.0@1 S1@2 1.20@3",
        AtPosition(1),
        DamagedError,
        "its start is missing",
        "S1",
    ),
    Refusal(
        "the end of a missing WAL, its snapshot there",
        "S5@0 6.0@1",
        AtPosition(5),
        DamagedError,
        "WAL 00000005 is missing",
        "S5",
    ),
    Refusal(
        "an index in front of the first snapshot",
        "3.0@1 4.0@2 S5@3",
        AtPosition(3),
        DamagedError,
        "no snapshot",
        "",
        "S5",
    ),
    Refusal("its start, too", "3.0@1 4.0@2 S5@3", AtPosition(3, 0), DamagedError, "no snapshot", "", "S5"),
    Refusal(
        "no last good point in front of the hole",
        "3.0@1 4.0@2 S5@3",
        AtPosition(4),
        DamagedError,
        "no snapshot",
        "",
        "S5",
        {"to_last_good": True},
    ),
    Refusal(
        "an offset of a WAL of which nothing is stored",
        "S0@0 0.0@1 S1@2",
        AtPosition(1, 0x1018),
        OutsideCoverage,
        "beyond the end of what is stored",
        "S1",
    ),
    Refusal(
        "a generation that is not there",
        WHOLE,
        None,
        NotFoundError,
        f"generation {B} is not in",
        options={"generation": B},
    ),
    Refusal(
        "a position in one that is not there",
        WHOLE,
        AtPosition(0, generation=B),
        NotFoundError,
        f"generation {B} is not in",
    ),
    Refusal(
        "an index the named generation lacks",
        WHOLE,
        AtPosition(2, generation=B),
        NotFoundError,
        "WAL 00000002 is not",
        b="S0@100 0.0@101",
    ),
    Refusal(
        "a time before a snapshot that was taken again",
        "S0@50 0.0@1",
        20,
        OutsideCoverage,
        "30 s after",
        after="S0",
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.what)
def test_what_is_refused_and_what_is_offered_instead(case: Refusal) -> None:
    of = timeline(case.listing, **({"b": case.b} if case.b else {}))
    with pytest.raises(case.kind, match=case.message) as caught:
        plan(of, case.target, **case.options)
    error = caught.value
    assert type(error) is case.kind
    assert error.hint
    if isinstance(error, DamagedError):
        assert error.object
        around = error.last_good, error.next_good
    elif isinstance(error, OutsideCoverage):
        around = error.before, error.after
    else:
        return
    keys = {short(item): item.key for item in listing(case.listing)}
    assert [point.key if point else None for point in around] == [keys.get(case.before), keys.get(case.after)]


def test_holes_that_are_offered_around_can_be_restored() -> None:
    with pytest.raises(DamagedError) as caught:
        plan(timeline(HOLED), 22)
    error = caught.value
    assert error.last_good is not None
    assert error.next_good is not None
    for point in (error.last_good, error.next_good):
        assert plan(timeline(HOLED), AtTime(point.time)).point == point


def test_junk_beside_nothing_is_mentioned() -> None:
    with pytest.raises(NotFoundError, match=r"1 other objects ignored \(such as ltx/0/x\.ltx\)"):
        plan(timeline_of([], ["ltx/0/x.ltx"]), None)
