"""kill -9 at every call that changes a file of spool or replica: nothing durable is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EVERY = bool(os.environ.get("EVERY_KILL"))
SAMPLES = 4
"""How many calls of a kind it is killed at; EVERY_KILL=1 in the environment: all."""

Ask = Callable[..., Any]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    command = [sys.executable, "-m", "tests.replicate.ship_killer"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def answer(name: str, *request: Any) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps([str(tmp_path / name), *request]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield answer


def test_it_may_be_killed_at_any_call(ask: Ask, tmp_path: Path) -> None:
    counted = ask("count", "count")
    assert isinstance(counted, dict), counted
    assert {"pwrite", "write", "fsync", "replace", "unlink", "mkdir"} <= counted.keys()
    for call, times in counted.items():
        step = 1 if EVERY else max(1, times // SAMPLES)
        for number in range(1, times + 1, step):
            name = f"{call}-{number}"
            wrong = ask(name, "kill", call, number)
            assert not wrong, f"{name}: {wrong}"
            shutil.rmtree(tmp_path / name)
