"""The program ends without taking itself apart, and nothing that was begun is lost by that."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = """
import atexit, sys, threading
from sqlite_recovery_tui import __main__

class Kept:
    def __del__(self):
        print("taken apart", flush=True)

kept = Kept()
def main():
    {main}
__main__.main = main
__main__.program()
"""


def ended(main: str, **streams: int) -> subprocess.CompletedProcess[str]:
    """Run a program that does `main`, and return how it ended."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    script = BEGIN.format(main=main)
    return subprocess.run([sys.executable, "-c", script], text=True, check=False, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("code", [0, 3])
def test_it_ends_at_once_with_the_code_and_all_output(code: int) -> None:
    done = ended(f"sys.stdout.write('out'); sys.stderr.write('err'); sys.exit({code})")
    assert (done.returncode, done.stdout, done.stderr) == (code, "out", "err")


def test_without_a_code_it_succeeded() -> None:
    done = ended("print('answer')")
    assert (done.returncode, done.stdout) == (0, "answer\n")


def test_threads_end_first_and_whoever_waits_for_the_end_is_told() -> None:
    work = "threading.main_thread().join(), print('work')"
    done = ended(
        f"atexit.register(print, 'told'); threading.Thread(target=lambda: ({work})).start(); sys.exit(0)"
    )
    assert (done.returncode, done.stdout) == (0, "work\ntold\n")


def test_what_nobody_caught_is_told_by_python() -> None:
    done = ended("raise ValueError('odd')")
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: odd\n")


def test_output_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "w") as full:
        done = ended("sys.stdout.write('lost'); sys.exit(0)", stdout=full.fileno())
    assert done.returncode != 0
    assert "No space left" in done.stderr
