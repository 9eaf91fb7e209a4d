"""Threads that decode leave a processor to the others, where there is more than one."""

from __future__ import annotations

import os

import pytest

from sqlite_recovery_tui.restore.workers import decoders


@pytest.mark.parametrize(("processors", "expected"), [(1, 1), (2, 1), (3, 2), (64, 2)])
def test_one_processor_is_left_to_those_that_fetch_and_write(
    processors: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    assert decoders() == expected


def test_where_nobody_tells_which_processors_may_be_used_all_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert decoders() == 1
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert decoders() == 2
