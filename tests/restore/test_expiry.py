"""Scratch databases expire by age and by room; the newest of a database and what is open never do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.restore.expiry import Fate, Rule, fates
from sqlite_recovery_tui.restore.scratches import Scratch
from tests.support.listings import at

DAY = 86400
NOW = at(10 * DAY)


def a(name: str, *, days: float, size: int = 10, database: str = "/srv/app.db") -> Scratch:
    """Return a scratch that was made so many days ago."""
    manifest: dict[str, Any] = {"database": database}
    return Scratch(Path(f"/scratch/{name}/app.db"), size, NOW - timedelta(days=days), manifest)


def decide(found: list[Scratch], rule: Rule, used: tuple[str, ...] = ()) -> dict[str, Fate]:
    told = fates(found, rule, NOW, used=lambda scratch: "sqlite3 (pid 7)" if scratch.name in used else "")
    assert [fate.scratch for fate in told] == found, "in the order given"
    return {fate.scratch.name: fate for fate in told}


def gone(found: list[Scratch], rule: Rule, used: tuple[str, ...] = ()) -> set[str]:
    return {name for name, fate in decide(found, rule, used).items() if fate.goes}


THREE = [a("new", days=1), a("middle", days=4), a("old", days=8)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(), set()),
        (Rule(keep=timedelta(days=7)), {"old"}),
        (Rule(keep=timedelta(days=8)), set()),
        (Rule(keep=timedelta(days=2)), {"old", "middle"}),
        (Rule(keep=timedelta(hours=1)), {"old", "middle"}),
        (Rule(most_bytes=30), set()),
        (Rule(most_bytes=29), {"old"}),
        (Rule(most_bytes=10), {"old", "middle"}),
        (Rule(most_bytes=0), {"old", "middle"}),
        (Rule(keep=timedelta(days=7), most_bytes=20), {"old"}),
        (Rule(keep=timedelta(days=7), most_bytes=19), {"old", "middle"}),
    ],
)
def test_what_goes(rule: Rule, expected: set[str]) -> None:
    assert gone(THREE, rule) == expected
    assert gone(THREE[::-1], rule) == expected


def test_the_newest_of_every_database_stays_however_old() -> None:
    found = [*THREE, a("jobs", days=9, database="/srv/jobs.db")]
    told = decide(found, Rule(keep=timedelta(hours=1)))
    assert told["jobs"].kept == "the newest of jobs.db"
    assert told["new"].kept == "the newest of app.db"
    assert told["new"].expires is None, "its age never ends it"
    assert told["middle"].expires == NOW - timedelta(days=4) + timedelta(hours=1)


def test_what_is_open_stays_and_the_next_one_goes_for_room() -> None:
    told = decide(THREE, Rule(most_bytes=20), used=("old",))
    assert told["old"].kept == "open in sqlite3 (pid 7)"
    assert told["middle"].goes
    assert told["middle"].due == "all together take more than 20 B"


def test_nobody_is_asked_about_what_is_not_due() -> None:
    def asked(_: Scratch) -> str:
        raise AssertionError

    assert not any(fate.due for fate in fates(THREE, Rule(keep=timedelta(days=30)), NOW, used=asked))


def test_a_rule_without_a_limit_is_none() -> None:
    assert not Rule()
    assert Rule(keep=timedelta(0))
    assert Rule(most_bytes=0)
