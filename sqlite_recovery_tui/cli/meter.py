"""Progress of long work on stderr: a bar where a terminal is, plain lines now and then otherwise."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.diagnostics import Diagnostics
from sqlite_recovery_tui.cli.text import printable
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.words import size, span

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

QUIET_SECONDS = 5.0
"""Work that is over sooner says nothing in plain lines."""


BAR_SECONDS = 0.3
"""Work that is over sooner draws no bar."""


class Meter:
    """Show `Progress` reports while used as a context manager; call it from any thread."""

    def __init__(self, diagnostics: Diagnostics, *, clock: Clock = SYSTEM) -> None:
        """Report through `diagnostics`; a bar when it is a terminal."""
        self._display: _Bar | _Lines = (
            _Bar(diagnostics, clock) if diagnostics.is_terminal else _Lines(diagnostics, clock)
        )
        self._lock = threading.Lock()

    def __enter__(self) -> Meter:
        return self

    def __call__(self, progress: Progress) -> None:
        """Take one report."""
        with self._lock:
            self._display.show(progress)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._display.close()


class _Lines:
    """One line when work takes long, then one now and then; `-v` also says each phase as it begins."""

    def __init__(self, diagnostics: Diagnostics, clock: Clock) -> None:
        self._diagnostics = diagnostics
        self._clock = clock
        self._begun = self._said = clock.monotonic()
        self._phase = ""
        self._phase_begun = self._begun
        self._phase_start = 0

    def show(self, progress: Progress) -> None:
        now = self._clock.monotonic()
        if progress.phase != self._phase:
            self._phase, self._phase_begun, self._phase_start = progress.phase, now, progress.done
            self._diagnostics.detail(f"{progress.phase} …")
        if now - self._said >= QUIET_SECONDS:
            self._said = now
            self._diagnostics.note(
                describe(progress, now - self._phase_begun, progress.done - self._phase_start)
            )

    def close(self) -> None:
        self._diagnostics.detail(f"done after {span(self._clock.monotonic() - self._begun)}")


def describe(progress: Progress, seconds: float, done: int) -> str:
    """Return a report as one line; `done` of its units were done in the last `seconds`."""
    parts = [progress.phase]
    amount = _amount(progress.done, progress.total, progress.unit)
    if progress.total:
        amount = f"{min(100, 100 * progress.done // progress.total)}%, {amount}"
    parts.append(amount)
    if seconds >= 1 and done > 0:
        rate = done / seconds
        parts.append(f"{_amount(int(rate), None, progress.unit)}/s")
        if progress.total and progress.total > progress.done:
            parts.append(f"about {span(int((progress.total - progress.done) / rate) or 1)} left")
    if progress.detail:
        parts.append(progress.detail)
    return f"{parts[0]}: {', '.join(parts[1:])}"


def _amount(count: int, total: int | None, unit: str) -> str:
    if unit == "bytes":
        return f"{size(count)} of {size(total)}" if total else size(count)
    return f"{count:,} of {total:,} {unit}" if total else f"{count:,} {unit}"


class _Bar:
    """A bar with amount, rate and time left; one at a time, gone when its phase is over."""

    def __init__(self, diagnostics: Diagnostics, clock: Clock) -> None:
        self._diagnostics = diagnostics
        self._clock = clock
        self._begun = clock.monotonic()
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._phase = ""

    def show(self, progress: Progress) -> None:
        if self._bars is None and self._clock.monotonic() - self._begun < BAR_SECONDS:
            return
        bars = self._bars or self._start()
        now: dict[str, Any] = {"completed": progress.done, "detail": printable(progress.detail)}
        if progress.phase != self._phase or self._task is None:
            if self._task is not None:
                bars.remove_task(self._task)
            self._phase = progress.phase
            self._task = bars.add_task(
                printable(progress.phase), total=progress.total, unit=progress.unit, **now
            )
        bars.update(self._task, total=progress.total, **now)

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _start(self) -> Bars:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as RichProgress

        console = Console(file=self._diagnostics.stream, no_color=not self._diagnostics.colour)
        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            *_numbers(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=console,
            transient=True,
        )
        self._bars.start()
        return self._bars


def _numbers() -> tuple[Any, ...]:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Numbers(ProgressColumn):
        """Amount, rate and time left in the unit of the task."""

        def render(self, task: Task) -> Text:
            unit = str(task.fields["unit"])
            parts = [_amount(int(task.completed), int(task.total or 0), unit)]
            if task.speed:
                parts.append(f"{_amount(int(task.speed), None, unit)}/s")
            if task.time_remaining:
                parts.append(f"about {span(int(task.time_remaining))} left")
            return Text(" · ".join(parts))

    return (Numbers(),)
