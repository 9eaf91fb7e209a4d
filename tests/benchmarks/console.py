"""The console under load: first paint, key to screen, memory, and how soon it ends.

100,000 segments are listed, a restore runs and a replica is being proven while keys are pressed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.pty_run import OnTerminal, on_terminal

LISTED = 100_000
KEYS = 200
FIRST_PAINT_SECONDS = 0.5
KEY_SECONDS = 0.05
EXIT_SECONDS = 1.0
MEMORY_BYTES = 250_000_000
_SWITCH_SECONDS = 0.0005
"""How late it may be noticed here that a frame has arrived."""
WORKING = "◐"
"""In the top bar while anything runs."""


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


@dataclass
class Budget:
    """What one number may be and what it was; `idle` is the same, measured with nothing to do."""

    name: str
    unit: str
    limit: float
    value: float
    idle: float | None = None

    @property
    def kept(self) -> bool:
        return self.value <= self.limit


@dataclass
class Budgets:
    """All of them."""

    title: str
    budgets: list[Budget] = field(default_factory=list)
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether nothing was measured; a slow minute of the machine is no failure."""
        return not self.budgets

    def table(self) -> str:
        """Return it as text."""
        lines = [self.title]
        for each in self.budgets:
            ratio = f"{each.value / each.idle:6.2f}x of idle {each.idle:.1f}" if each.idle else ""
            verdict = f"{'✓' if each.kept else '✗'} {each.limit:6.0f}"
            line = f"  {each.name:<38} {each.value:8.1f} {each.unit:<3} {verdict}  {ratio}"
            lines.append(line.rstrip())
        return "\n".join([*lines, *([self.note] if self.note else [])])

    def to_json(self) -> dict[str, Any]:
        """Return every figure."""
        return {"title": self.title, "note": self.note, "budgets": [asdict(each) for each in self.budgets]}


def console(listing: Path, restored: Path, runs: int, *, keys: int = KEYS) -> Budgets:
    """Measure the console on the replica in `listing` while that in `restored` is restored and proven."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    with tempfile.TemporaryDirectory(prefix="sqlrecover-console-") as name:
        folder = Path(name)
        config = str(_config(folder, listing, restored))
        command = [sys.executable, "-m", "sqlite_recovery_tui", "-config", config]
        environ = {"HOME": name, "XDG_STATE_HOME": str(folder / "state")}
        paints = [_first_paint(command, folder, environ) for _ in range(runs)]
        with on_terminal(command, folder, environ) as program:
            return _measured(program, paints, keys)


def _measured(program: OnTerminal, paints: list[float], keys: int) -> Budgets:
    program.until(lambda text: text.count("no gap") > 2)
    program.press("down", "enter")
    program.see("app.db bench", "segment")
    idle = _keys(program, keys)
    _start_load(program)
    loaded = _keys(program, 10)
    together = _together(program.process.pid)
    while (busy := WORKING in program.text) and len(loaded) < keys:
        loaded += _keys(program, 10)
        together = max(together, _together(program.process.pid))
    memory = _peak(program.process.pid)
    ended = _leave(program)
    milli = 1000
    return Budgets(
        f"console: {LISTED:,} segments listed, a restore and a proof running, {len(loaded)} keys",
        [
            Budget("first paint, cold process", "ms", FIRST_PAINT_SECONDS * milli, median(paints) * milli),
            _key_budget("key to screen, median", idle, loaded, 0.5),
            _key_budget("key to screen, 99th percentile", idle, loaded, 0.99),
            Budget("peak memory of its process", "MB", MEMORY_BYTES / 1e6, memory / 1e6),
            Budget("memory of it and its jobs, most seen", "MB", MEMORY_BYTES / 1e6, together / 1e6),
            Budget("end while both run", "ms", EXIT_SECONDS * milli, ended * milli),
        ],
        "" if busy else "  the load ended before the last key: measure with a larger --sizes",
    )


def _key_budget(name: str, idle: list[float], loaded: list[float], share: float) -> Budget:
    return Budget(
        name, "ms", KEY_SECONDS * 1000, quantile(loaded, share) * 1000, quantile(idle, share) * 1000
    )


def _first_paint(command: Sequence[str], folder: Path, environ: dict[str, str]) -> float:
    """Return the seconds from the start to the first frame that names the databases."""
    with on_terminal(command, folder, environ) as program:
        return program.see("big.db", "app.db", "enter open") - program.began


def _start_load(program: OnTerminal) -> None:
    """Start a restore and a proof, then open the long list."""
    program.press("escape")
    program.see("no gap")
    program.press("R")
    program.see("you get")
    program.press("enter")
    program.until(lambda text: "restore 1" in text or "every check" in text)
    program.press("1")
    program.see("no gap", "stands")
    program.press("v")
    program.see("proof 2")
    program.press("1")
    program.see("no gap", "stands")
    program.press("up", "enter")
    program.until(lambda text: "big.db bench" in text and _cursor(text) is not None)


def _keys(program: OnTerminal, count: int) -> list[float]:
    """Return the seconds from each key to the frame in which the cursor has moved."""
    taken = []
    for number in range(count):
        program.drain(0)
        before = _cursor(program.text)
        key = "down" if number % 20 < 10 else "up"
        sent = program.press(key)
        arrived = program.until(lambda text, before=before: _cursor(text) not in (before, None))
        taken.append(arrived - sent)
    return taken


def _cursor(text: str) -> str | None:
    """Return the line that the cursor of the list is on."""
    return next((line for line in text.splitlines() if line.startswith("▌")), None)


def _peak(process: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _together(process: int) -> int:
    """Return the memory of a process and its children, what they share counted once, in bytes."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    children = [int(word) for thread in threads for word in _read(thread).split()]
    return sum(map(_share, [process, *children]))


def _share(process: int) -> int:
    """Return the memory of a process, its share of what is not its own alone, in bytes."""
    lines = _read(Path(f"/proc/{process}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _read(file: Path) -> str:
    """Return what a file of /proc says; nothing once its process has ended."""
    try:
        return file.read_text()
    except OSError:
        return ""


def _leave(program: OnTerminal) -> float:
    """Leave although something runs; return the seconds that took."""
    sent = program.press("ctrl+q")
    if WORKING in program.text:
        program.see("Stop and leave")
        sent = program.press("y")
    return program.end() - sent


def _config(folder: Path, listing: Path, restored: Path) -> Path:
    file = folder / "console.yml"
    lines = ["dbs:"]
    for name, replica in (("big.db", listing), ("app.db", restored)):
        lines += [f"  - path: {folder / name}", "    replicas:", "      - name: bench"]
        lines += ["        type: file", f"        path: {replica / 'bucket' / 'replica'}"]
    file.write_text("\n".join(lines) + "\n")
    return file
