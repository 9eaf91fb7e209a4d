"""A process that ships in forks of itself, each killed at one of the calls that change files.

    python -m tests.replicate.ship_killer

Everything is imported once. Reads lines of JSON from stdin: ["count"] or ["kill", call, number], each with a
new folder in front; answers with a line of JSON each: what was counted, or what was found wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.errors import BucketNotFound, NotFoundError
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.files import FileStore
from tests.support import system_calls
from tests.support.shelf import restore_to
from tests.support.stretches import Source

STEPS = (
    "grow grow flush grow seal grow grow flush snapshot grow ship grow seal grow grow ship grow begin"
    " grow flush"
)


class Notes:
    """What the work says before it may be killed: states that exist, and what was promised of them."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._path = path

    def say(self, kind: str, what: str) -> None:
        system_calls.ORIGINAL["write"](self._fd, f"{kind} {what}\n".encode())

    def read(self) -> list[tuple[str, str]]:
        return [(kind, what) for kind, what in map(str.split, self._path.read_text().splitlines())]

    def states(self) -> list[str]:
        return [what for kind, what in self.read() if kind == "state"]

    def durable(self) -> int:
        """Return the number of the last state that was said to be at the replica; -1: none."""
        said = [what for kind, what in self.read() if kind == "durable"]
        return self.states().index(said[-1]) if said else -1


class Work:
    """A database, its spool and its replica in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = Notes(folder / "notes")
        self.store = FileStore(folder / "replica")
        self.spool = Spool(folder / "spool", ["file"], cut_bytes=20_000)
        replica = ReplicaConfig(name="file", type="file", path=str(folder / "replica"))
        self.shipper = Shipper(self.spool, self.store, replica)
        self.source = Source(folder / "app.db", self.spool, page_size=1024)

    def run(self, steps: str) -> None:
        for step in steps.split():
            getattr(self, step)()

    def begin(self) -> None:
        self._note()
        self.source.begin()

    def grow(self) -> None:
        self.source.run("INSERT INTO t(body) SELECT randomblob(700) FROM generate_series(1, 12)")
        self._note()
        self.source.hand_over()

    def seal(self) -> None:
        self.source.seal()

    def snapshot(self) -> None:
        self.source.snapshot()

    def flush(self) -> None:
        assert self.shipper.flush(), self.shipper.status
        self.notes.say("durable", digest(self.source.state()))

    def ship(self) -> None:
        self.shipper._try(self.shipper._ship)

    def _note(self) -> None:
        self.notes.say("state", digest(self.source.state()))


def digest(state: bytes) -> str:
    return hashlib.sha256(state).hexdigest()


def first(folder: Path) -> None:
    """Everything that a spool and a shipper do, once."""
    work = Work(folder)
    work.run(f"begin {STEPS}")


def again(folder: Path) -> None:
    """Go on after a kill; raise for whatever was lost."""
    notes = Notes(folder / "notes")
    durable = notes.durable()
    found = restored(folder, "killed.db")
    assert found is not None or durable < 0, "nothing can be restored of what was durable"
    if found is not None:
        assert found in notes.states(), "a state that never was"
        assert notes.states().index(found) >= durable, "older than what was durable"
    work = Work(folder)
    kept = work.spool.resume()
    begun = [what for kind, what in notes.read() if kind == "durable"]
    assert kept is not None or not begun, "the spool forgot"
    if work.source.resume():
        work.source.run("INSERT INTO t(body) VALUES (1)")
        work._note()
        work.source.hand_over()
    else:
        work.begin()
    work.run("grow flush seal grow snapshot grow flush")
    assert restored(folder, "again.db") == digest(work.source.state()), "not what is live"
    left = [path.name for path in (folder / "replica").rglob("*.tmp")]
    assert len(left) <= 1, left


def restored(folder: Path, name: str) -> str | None:
    """Return the state that our own restore finds; None when there is none."""
    try:
        restore_to(folder / name, FileStore(folder / "replica"))
    except (NotFoundError, BucketNotFound):
        return None
    return digest((folder / name).read_bytes())


def fork(act: Any, *arguments: Any) -> tuple[int, str]:
    """Carry `act` out in a fork; return its status as `waitpid` does, and what it reported."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            said = act(*arguments)
            system_calls.ORIGINAL["write"](writer, json.dumps(said).encode())
            os._exit(0)
        except BaseException:
            system_calls.ORIGINAL["write"](writer, traceback.format_exc().encode())
            os._exit(1)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read().decode()
    return os.waitpid(pid, 0)[1], said


def count(folder: Path) -> dict[str, int]:
    """Carry the work out to its end; return how often each call was made."""
    counted: Counter[str] = Counter()
    system_calls.watch(lambda name, _: counted.update([name]))
    first(folder)
    return dict(counted)


def killed(folder: Path, call: str, number: int) -> None:
    """Kill the work at one call, half of it done where it writes."""
    seen: Counter[str] = Counter()

    def happening(name: str, args: tuple[Any, ...]) -> None:
        seen[name] += 1
        if name == call and seen[name] == number:
            if name in system_calls.TORN and number % 2:
                system_calls.tear(name, args)
            os.kill(os.getpid(), signal.SIGKILL)

    system_calls.watch(happening)
    first(folder)


def main() -> None:
    """Answer until stdin ends."""
    system_calls.without_fsync()
    for line in sys.stdin:
        folder, kind, *more = json.loads(line)
        Path(folder).mkdir()
        if kind == "count":
            status, said = fork(count, Path(folder))
            answer: Any = json.loads(said) if status == 0 else said
        else:
            status, said = fork(killed, Path(folder), *more)
            answer = said if status != signal.SIGKILL else ""
            if not answer:
                status, said = fork(again, Path(folder))
                answer = "" if status == 0 else said
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
