"""Readers in other processes see one applied state after the other, and never anything in between."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create, staging_path
from sqlite_recovery_tui.restore.live.faults import CopyBusy
from tests.support import copy_reader
from tests.support.copies import URL, Primary, difference, mark

STEPS = 25
HOW = ("connected", "connecting", "mapped", "lingering")


def _truth(folder: Path, states: list[bytes]) -> list[list[object]]:
    answers = []
    for state in states:
        (folder / "state.db").write_bytes(state)
        connection = sqlite3.connect(f"file:{folder / 'state.db'}?immutable=1", uri=True)
        answers.append([list(connection.execute(question).fetchone()) for question in copy_reader.QUESTIONS])
        connection.close()
    return answers


def _apply(copy: LiveCopy, states: list[bytes], number: int) -> None:
    """Bring the copy to a state in one way or the other; readers may ask for patience."""
    while True:
        try:
            if number % 10 == 0:
                staged = staging_path(copy.path)
                staged.write_bytes(states[number])
                copy.replace(staged, mark(number))
            else:
                copy.apply(*difference(states[number - 1], states[number]), mark(number))
        except CopyBusy:
            continue
        return


def test_what_readers_see_was_applied(tmp_path: Path) -> None:
    primary = Primary(tmp_path / "primary.db", page_size=1024)
    primary.grow()
    states = primary.history(STEPS)[1:]
    primary.close()
    staged = tmp_path / "staged"
    staged.write_bytes(states[0])
    command = [sys.executable, "-S", copy_reader.__file__, str(tmp_path / "copy.db")]
    with create(staged, tmp_path / "copy.db", mark(0), url=URL, clock=SYSTEM) as copy:
        readers = [
            subprocess.Popen([*command, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for how in HOW
        ]
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reading\n"
        for number in range(1, len(states)):
            _apply(copy, states, number)
        reports = [json.loads(reader.communicate()[0]) for reader in readers]
    truth = _truth(tmp_path, states)
    for report in reports:
        assert report["faults"] == []
        seen = [truth.index(state) for state in report["seen"]]
        assert seen == sorted(set(seen))
        assert seen[-1] == len(states) - 1
    assert sum(len(report["seen"]) for report in reports) > 2 * len(HOW)
