"""The report says what happened, and nothing in the ledger can make it say anything else."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.history import facts, report
from sqlite_recovery_tui.history.entry import Entry
from tests.history.acts import MOMENT, restored

HOSTILE = (
    "`` ` code",
    "a | b \\| c",
    "# heading\n## What was proven\n- all of it",
    "[click](javascript:alert(1)) <script>",
    "\x1b[31m\0\u202e",
    "```\nrm -rf /\n```",
)


def text_outside_code(markdown: str) -> str:
    """Return a report without its code blocks and code spans."""
    blocks = re.sub(r"^(`{3,})sh\n.*?^\1$", "", markdown, flags=re.M | re.S)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", blocks)


@pytest.mark.parametrize("words", HOSTILE)
def test_data_can_be_no_markup(words: str) -> None:
    names = ("kind", "database", "replica", "url", "asked", "output", "error", "hint", "user", "host")
    more = {"command": words, "position": words, "verdict": words, "integrity": words}
    entry = restored(**{**dict.fromkeys(names, words), **more}, results={"lost": [words], "notes": [words]})
    made = report.markdown([entry], MOMENT)
    assert all(char == "\n" or char.isprintable() for char in made)
    bare = text_outside_code(made)
    for sign in ("javascript", "<script>", "rm -rf", "heading", "all of it"):
        assert sign not in bare
    sections = [line for line in bare.splitlines() if line.startswith("## ")]
    assert len(sections) == 6
    [row] = [line for line in made.splitlines() if line.startswith("| 2026")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 9


def test_acts_are_told_in_the_order_they_happened_with_what_they_reached() -> None:
    later = restored(5, output="/srv/out2.db", results={"distance_seconds": -3.0, "lost": ["the last hour"]})
    failed = restored(1, outcome="failed", error="it rained", point_time=None, verdict=None, integrity=None)
    made = report.markdown([later, failed], MOMENT + timedelta(hours=1))
    assert made.startswith("# Incident of 2026-03-26 14:04 UTC")
    assert made.index("it rained") < made.index("the last hour")
    chosen = made.partition("## What was chosen")[2].partition("## ")[0]
    assert "3 s after the time asked for" in chosen
    assert chosen.count("`restore of") == 1, "what failed chose nothing"
    assert "the last hour" in made.partition("## What was lost")[2].partition("## ")[0]


def test_what_a_promote_took_away_is_lost() -> None:
    tables = [
        {"table": "orders", "live_rows": 120, "new_rows": 95, "difference": -25},
        {"table": "kept", "live_rows": 5, "new_rows": 5, "difference": 0},
        {"table": "gone", "live_rows": 7, "new_rows": None, "difference": -7},
    ]
    act = Entry(
        kind="promote", started=MOMENT, outcome="ok", database="/srv/app.db", results={"tables": tables}
    )
    lost = report.markdown([act], MOMENT).partition("## What was lost")[2].partition("## ")[0]
    assert "table orders: 120 rows before, 95 rows after" in lost
    assert "table gone: 7 rows before, no such table after" in lost
    assert "kept" not in lost


def test_nothing_is_overwritten_and_half_a_report_does_not_stay(tmp_path: Path) -> None:
    there = tmp_path / "there.md"
    there.write_text("mine")
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "elsewhere.md")
    for path in (there, link):
        with pytest.raises(RefusedError, match="exists"):
            report.write("new", path)
    assert there.read_text() == "mine"
    assert not (tmp_path / "elsewhere.md").exists()
    with pytest.raises(RecoverError, match="cannot write"):
        report.write("new", tmp_path / "no" / "such" / "folder.md")


@pytest.mark.parametrize(
    ("words", "exact", "told"),
    [
        (["restore", "-timestamp", "20 min ago", "x"], {}, "sqlrecover restore -timestamp '20 min ago' x"),
        (["restore", "-timestamp=1 h ago"], {"1 h ago": "T"}, "sqlrecover restore -timestamp=T"),
        (["restore", "-timestamp", "1 h ago"], {"1 h ago": "T"}, "sqlrecover restore -timestamp T"),
        (["verify", "sftp://me:pw@host/a"], {}, "sqlrecover verify 'sftp://me:***@host/a'"),
        (["verify", "sftp://me:p/w@host/a"], {}, "sqlrecover verify 'sftp://me:***@host/a'"),
        (["verify", "s3://b/a:x@y"], {}, "sqlrecover verify s3://b/a:x@y"),
        (
            ["verify", "s3://b/a?endpoint=http://u:p@h:1&sseCustomerKey=abc&region=r"],
            {},
            "sqlrecover verify 's3://b/a?endpoint=http://u:***@h:1&sseCustomerKey=***&region=r'",
        ),
    ],
)
def test_a_command_line_is_kept_so_that_it_can_be_repeated_and_shown(
    words: list[str], exact: dict[str, str], told: str
) -> None:
    assert facts.repeatable(words, exact) == told
