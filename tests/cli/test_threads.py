"""No thread runs that has nothing to do: a short restore would share its processors with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = """
import contextlib, os, sys
from sqlite_recovery_tui.__main__ import main
with contextlib.suppress(SystemExit):
    main()
import numpy
print(len(os.listdir("/proc/self/task")), os.environ.get("OPENBLAS_NUM_THREADS"), file=sys.stderr)
"""


def began(*words: str, **environ: str) -> str:
    """Return how many threads there are once a command ran and NumPy is there, and the variable for it."""
    own = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    command = [sys.executable, "-c", BEGIN, *words, "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={**own, **environ})
    return ran.stderr.strip()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_arithmetic_begins_no_threads_unless_it_is_told_to() -> None:
    assert began("restore") == "1 1"
    assert began("restore", OPENBLAS_NUM_THREADS="2").endswith(" 2")


def test_the_application_that_is_run_may_begin_its_own() -> None:
    assert began("replicate").endswith(" None")
