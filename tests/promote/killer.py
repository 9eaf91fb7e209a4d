"""A process that does a piece of work in forks of itself, each killed at one of its system calls.

    python -m tests.promote.killer

Everything is imported once; a fork waits until strace holds it, so that a kill costs some 50 ms. Reads
lines of JSON from stdin, ["count" or "kill", work, arguments, call, number], and answers with one each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside, PromoteLock
from sqlite_recovery_tui.promote.choice import mode_of
from sqlite_recovery_tui.promote.plan import PromotePlan, make_plan
from sqlite_recovery_tui.promote.recover import recover
from sqlite_recovery_tui.promote.rescue import Rescue, plan_rescue
from sqlite_recovery_tui.promote.run import Promote, take_back

CALLS = (
    "pwrite64,write,ftruncate,unlink,unlinkat,rename,link,fsync,fdatasync,fchmod,fchown,mkdir,rmdir,"
    "copy_file_range"
)


def promote(new: str, live: str, mode: str) -> None:
    """Promote `new` to `live`."""
    plan = _PLANS[new, live, mode]
    _ready()
    Promote(plan).run(Path(live).name)


def rescue(scratch: str, live: str) -> None:
    """Write the rows of `scratch` that `live` lacks into it."""
    with plan_rescue(Path(scratch), Path(live)) as plan:
        _ready()
        Rescue(plan).run(Path(live).name)


def put_back(live: str) -> None:
    """Put the newest undo point back."""
    point = undo.points(Beside(Path(live)))[0]
    take_back(point, Path(live), confirm=Path(live).name, progress=_once_planned)


def put_in_order(live: str) -> None:
    """Bring what was interrupted to its end."""
    beside = Beside(Path(live))
    _ready()
    with PromoteLock(beside):
        recover(beside, CancelToken())


def _once_planned(progress: Progress) -> None:
    """Wait for strace when the first page is about to be written."""
    if progress.phase == "keeping what is there" and not _READY:
        _ready()


_PLANS: dict[tuple[str, str, str], PromotePlan] = {}
_READY: list[bool] = []

LOG = Path(os.environ.get("KILLER_LOG", "killer.log"))
WORK: dict[str, Callable[..., None]] = {
    "promote": promote,
    "rescue": rescue,
    "put_back": put_back,
    "put_in_order": put_in_order,
}


def _ready() -> None:
    """From here on it may be killed; strace takes hold now."""
    _READY.append(True)
    os.kill(os.getpid(), signal.SIGSTOP)


def _fork(work: str, arguments: list[str]) -> int:
    if work == "promote" and tuple(arguments) not in _PLANS:
        new, live, mode = arguments
        plan = make_plan(Path(new), Path(live), mode=mode_of(mode), count_rows=False)
        _PLANS[new, live, mode] = plan
    pid = os.fork()
    if pid:
        os.waitpid(pid, os.WUNTRACED)
        return pid
    try:
        WORK[work](*arguments)
        os._exit(0)
    except BaseException as error:
        LOG.write_text(f"{type(error).__name__}: {error}")
        os._exit(1)


def _traced(pid: int, options: list[str]) -> int:
    """Let the fork run under strace; return its status as `waitpid` does."""
    command = ["strace", "-p", str(pid), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        while "attached" not in tracer.stderr.readline():
            pass
        os.kill(pid, signal.SIGCONT)
        _, status = os.waitpid(pid, 0)
        tracer.stderr.read()
    return status


def count(work: str, arguments: list[str]) -> dict[str, int]:
    """Carry the work out to its end; return how often each call was made."""
    pid = _fork(work, arguments)
    log = LOG.with_suffix(".trace")
    status = _traced(pid, ["-o", str(log), "-e", f"trace={CALLS}"])
    assert status == 0, LOG.read_text()
    return dict(Counter(line.partition("(")[0] for line in log.read_text().splitlines() if "(" in line))


def kill(work: str, arguments: list[str], call: str, number: int) -> int:
    """Kill the work in front of one call; return its status as `waitpid` does."""
    pid = _fork(work, arguments)
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    return _traced(pid, ["-o", "/dev/null", "-e", f"trace={call}", "-e", inject])


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        kind, work, arguments, *more = json.loads(line)
        answer: Any = count(work, arguments, *more) if kind == "count" else kill(work, arguments, *more)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
