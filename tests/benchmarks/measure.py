"""Take several tools' times in turn, so that a slow minute of the machine hits them all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

_CHILD = Path(__file__).with_name("child.py")
_NOT_THEIRS = (
    "AWS_CA_BUNDLE",  # Litestream 0.5 cannot start with it
    "PYTHONDONTWRITEBYTECODE",  # what is installed was compiled once and for all
)


@dataclass(frozen=True)
class Figures:
    """What one run of a command took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass
class Contender:
    """One tool in a comparison; `check` raises when what a run left behind is not right."""

    name: str
    command: Sequence[str]
    check: Callable[[], None] = lambda: None
    clean: Callable[[], None] = lambda: None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """All runs of one tool in a comparison."""

    name: str
    runs: list[Figures] = field(default_factory=list)
    failure: str = ""
    fetched_bytes: int | None = None
    """What came from the server, where it was counted."""

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """The highest of all runs."""
        return max(run.peak_bytes for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """The median."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        if self.failure:
            return {"tool": self.name, "failure": self.failure}
        figures = {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "peak_bytes": self.peak_bytes}
        if self.fetched_bytes is not None:
            figures["fetched_bytes"] = self.fetched_bytes
        return {"tool": self.name, **figures, "runs": [asdict(run) for run in self.runs]}


class Outcome(Protocol):
    """What one task found."""

    @property
    def failed(self) -> bool:
        """Whether something that was measured did not do its work."""
        ...

    def table(self) -> str:
        """Return it as text."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return every figure."""
        ...


@dataclass
class Comparison:
    """Several tools at the same task; the first is ours."""

    title: str
    results: list[Result]

    @property
    def failed(self) -> bool:
        return any(result.failure for result in self.results)

    def to_json(self) -> dict[str, Any]:
        return {"title": self.title, "results": [result.to_json() for result in self.results]}

    def table(self) -> str:
        """Return the comparison as text: medians, their ratio to the first tool's, peak memory."""
        ours = self.results[0]
        lines = [self.title]
        for result in self.results:
            if result.failure:
                lines.append(f"  {result.name:<22} {result.failure}")
                continue
            ratio = "" if result is ours or ours.failure else f"{result.seconds / ours.seconds:6.2f}x"
            fetched = f"{result.fetched_bytes / 1e6:8.1f} MB fetched" if result.fetched_bytes else ""
            spread = (
                f"{min(run.seconds for run in result.runs):.3f}-{max(run.seconds for run in result.runs):.3f}"
            )
            lines.append(
                f"  {result.name:<22} {result.seconds:8.3f} s  ({spread})  {ratio:>8}"
                f"  cpu {result.cpu_seconds:6.2f} s  {result.peak_bytes / 1e6:6.0f} MB{fetched}"
            )
        return "\n".join(lines)


def markdown(comparisons: Sequence[Comparison], machine: str, runs: int) -> str:
    """Return README's table: how many times as long as ours each other tool takes, and our peak memory."""
    names = ("litestream 0.3.13", "litestream 0.5.17")
    lines = [
        f"| {machine}; medians of {runs} runs in turn | {' | '.join(names)} | our peak memory |",
        "|---|---|---|---|",
    ]
    for comparison in comparisons:
        ours, *others = comparison.results
        ratios = {
            other.name: f"{other.seconds / ours.seconds:.1f}×"
            for other in others
            if not other.failure and not ours.failure
        }
        if any(name in ratios for name in names):
            cells = [ratios.get(name, "") for name in names]
            lines.append(f"| {comparison.title} | {' | '.join(cells)} | {ours.peak_bytes / 1e6:.0f} MB |")
    return "\n".join(lines)


def compare(
    title: str, contenders: Sequence[Contender], runs: int, folder: Path, *, warm: bool = False
) -> Comparison:
    """Run every contender `runs` times, in turn; one that fails is left out from then on.

    Unless all is `warm` a round comes before that is checked and does not count: whoever came first would
    fill the caches of the disk and of the server for the others.
    """
    results = [Result(contender.name) for contender in contenders]
    for number in range(1 if warm else 0, runs + 1):
        for contender, result in zip(contenders, results, strict=True):
            if result.failure:
                continue
            contender.clean()
            os.sync()  # nobody pays for what another one wrote
            try:
                figures = _run(contender, folder / "output.txt")
                if number == 0:
                    contender.check()
                else:
                    result.runs.append(figures)
            except RuntimeError as error:
                result.failure = f"failed: {error}"
            finally:
                contender.clean()
    return Comparison(title, results)


def _run(contender: Contender, log: Path) -> Figures:
    command = [sys.executable, "-I", "-S", str(_CHILD), str(log), *contender.command]
    own = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    environ = {**own, **contender.environ}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    figures = json.loads(answer.stdout)
    if figures.pop("exit_code") != 0:
        said = log.read_text(errors="replace").strip().splitlines() or ["nothing was said"]
        raise RuntimeError(said[-1][:200])
    return Figures(**figures)
