"""The child has limits, and whatever becomes of it is a message to the parent."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import Cancelled, InspectorDied, TimedOut
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.sqlite import inspector_process
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Limits

from .conftest import Inspect, Make

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def large(make: Make) -> Path:
    """A database whose check takes a good part of a second."""
    return make(f"""
        CREATE TABLE t(a); CREATE INDEX i ON t(a);
        INSERT INTO t {ENDLESS.replace("n)", "n LIMIT 200000)", 1).replace("count(*)", "x % 999")};
    """)


@pytest.fixture
def path(make: Make) -> Path:
    return make("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)")


def test_the_child_has_limits_and_sees_nothing_of_the_parent(
    path: Path, inspect: Inspect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("PYTHONPATH", os.fspath(path.parent))
    inspector = inspect(path, Limits(memory_bytes=300 << 20, cpu_seconds=77))
    assert inspector.query("SELECT 1", seconds=8).rows
    pid = inspector.pid
    assert pid
    limit = lambda which: resource.prlimit(pid, which)  # noqa: E731
    assert limit(resource.RLIMIT_AS) == (300 << 20, 300 << 20)
    assert limit(resource.RLIMIT_FSIZE) == (0, 0)
    assert limit(resource.RLIMIT_CORE) == (0, 0)
    assert limit(resource.RLIMIT_NOFILE) == (32, 32)
    assert 13 <= limit(resource.RLIMIT_CPU)[0] <= 16
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert {pair.partition(b"=")[0] for pair in environment.split(b"\0") if pair} <= {
        b"LC_ALL",
        b"LD_LIBRARY_PATH",
    }
    assert b"app.db" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert "Umask:\t0077" in Path(f"/proc/{pid}/status").read_text()
    assert os.getpgid(pid) != os.getpgrp()
    opened = {os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
    assert {place for place in opened if not place.startswith("pipe:")} <= {os.fspath(path), os.devnull}


def test_the_child_spends_no_more_cpu_than_a_call_may(path: Path, inspect: Inspect) -> None:
    """With its own clock out of order, the kernel's limit ends it."""
    inspector = inspect(path, Limits(cpu_seconds=1, check_seconds=60))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE VIEW endless AS {ENDLESS}")
    with pytest.raises(InspectorDied, match="more CPU time than it may"):
        inspector.count("endless")
    assert inspector.count("t") == 2


def test_a_child_killed_in_the_middle_of_a_check_is_a_verdict(large: Path, inspect: Inspect) -> None:
    inspector = inspect(large)

    def kill(_: Progress) -> None:
        if inspector.pid:
            os.kill(inspector.pid, signal.SIGKILL)

    report = inspector.check("full", progress=kill)
    assert report.verdict == "not-checkable"
    assert "was killed by signal SIGKILL" in report.messages[0]
    assert inspector.check("full").ok


def test_a_child_killed_during_a_call_is_an_error_and_replaced(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path)
    inspector.summary()
    for number in (signal.SIGSEGV, signal.SIGABRT):
        first = inspector.pid
        assert first
        timer = threading.Timer(0.1, os.kill, (first, number))
        timer.start()
        with pytest.raises(InspectorDied, match=number.name) as caught:
            inspector.query(ENDLESS, seconds=20)
        timer.join()
        assert caught.value.hint
        assert inspector.count("t") == 2
        assert inspector.pid not in (first, None)


def test_a_child_that_died_between_calls_is_replaced_unseen(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path)
    assert inspector.count("t") == 2
    assert inspector.pid
    os.kill(inspector.pid, signal.SIGKILL)
    while inspector.pid:
        os.sched_yield()
    assert inspector.count("t") == 2


def test_a_hung_child_is_killed_at_the_deadline(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path, Limits(call_seconds=1, grace_seconds=0.2))
    inspector.summary()
    pid = inspector.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimedOut, match="longer than it may"):
        inspector.rows("t")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert len(inspector.rows("t").rows) == 2


def test_a_check_without_deadline_ends_when_the_child_falls_silent(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path, Limits(stall_seconds=1, grace_seconds=0.2))
    inspector.summary()
    assert inspector.pid
    os.kill(inspector.pid, signal.SIGSTOP)
    report = inspector.check("quick")
    assert report.verdict == "not-checkable"
    assert "no sign of life for 1 s" in report.messages[0]
    assert inspector.check("quick").ok


def test_a_cancelled_child_that_does_not_listen_is_killed(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path, Limits(grace_seconds=0.2))
    inspector.summary()
    assert inspector.pid
    os.kill(inspector.pid, signal.SIGSTOP)
    token = CancelToken()
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    stopped = inspector.pid
    with pytest.raises(Cancelled):
        inspector.check("full", cancel=token)
    timer.join()
    assert not _is_alive(stopped)
    assert inspector.check("quick").ok


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("print('this is no answer', flush=True); input(); input()", "sent what is no answer"),
        ("print('[1]', flush=True); input(); input()", "sent what is no answer"),
        ("print('[' * 100000, flush=True); input(); input()", "sent what is no answer"),
        ("input(); print('{\"id\": 1}', flush=True); input()", "sent what is no answer"),
        ("print('{\"progress\": 1}', flush=True); input(); input()", "sent what is no progress"),
        ("while True: print('x' * 65536, end='')", "sent more than it may"),
        ("raise SystemExit(3)", "ended with exit code 3"),
    ],
)
def test_a_child_that_does_not_keep_to_the_conversation_is_dropped(
    path: Path, inspect: Inspect, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    monkeypatch.setattr(inspector_process, "_COMMAND", (sys.executable, "-I", "-c", script))
    with pytest.raises(InspectorDied, match=said):
        inspect(path, Limits(reply_bytes=1 << 20)).summary()


def test_an_answer_that_is_too_large_is_refused_by_the_child(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path, Limits(reply_bytes=2000))
    with pytest.raises(Exception, match="larger than an inspection may send"):
        inspector.query("SELECT printf('%.*c', 1000, 'x') UNION ALL SELECT printf('%.*c', 1000, 'y')")
    assert inspector.count("t") == 2


def test_the_child_ends_with_its_parent(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from sqlite_recovery_tui.sqlite.inspector import Inspector\n"
        "i = Inspector(Path(sys.argv[1])); i.summary(); print(i.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while _is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(child)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_closing_from_another_thread_ends_what_is_running(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path)
    inspector.summary()
    pid = inspector.pid
    assert pid
    timer = threading.Timer(0.1, inspector.close)
    timer.start()
    with pytest.raises(Cancelled):
        inspector.query(ENDLESS, seconds=20)
    timer.join()
    assert not _is_alive(pid)
    with pytest.raises(Cancelled):
        inspector.summary()


def test_threads_take_turns(path: Path, inspect: Inspect) -> None:
    inspector, answers = inspect(path), []

    def ask(number: int) -> None:
        for _ in range(10):
            cell = inspector.query(f"SELECT {number}").rows[0][0]
            answers.append(cell.value == number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 40


def test_a_file_that_was_rewritten_is_opened_again(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path)
    assert inspector.count("t") == 2
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO t VALUES (3)")
    assert inspector.count("t") == 3
    assert len(inspector.rows("t").rows) == 3


def test_a_file_that_is_written_during_a_check_has_no_verdict(large: Path, inspect: Inspect) -> None:
    written: list[bool] = []

    def write(_: Progress) -> None:
        if not written:
            written.append(True)
            os.utime(large)

    report = inspect(large).check("full", progress=write)
    assert report.verdict == "not-checkable"
    assert "changed while it was looked at" in report.messages[0]


def test_an_error_in_the_progress_callback_is_the_callers(path: Path, inspect: Inspect) -> None:
    inspector = inspect(path)

    def fail(_: Progress) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        inspector.check("full", progress=fail)
    assert inspector.check("full").ok


def test_starting_is_quick(path: Path) -> None:
    """By what the processor does: how long that takes is for the machine to say."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with Inspector(path) as inspector:
            inspector.summary()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert 0 < min(spent) < 0.25
