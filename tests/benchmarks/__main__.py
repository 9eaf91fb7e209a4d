"""Measure sqlrecover beside Litestream 0.3.13 and 0.5.17, and print medians, ratios and peak memory."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import tasks
from tests.benchmarks.console import LISTED, console
from tests.benchmarks.differences import differences
from tests.benchmarks.ending import ending
from tests.benchmarks.measure import Comparison, Outcome, markdown
from tests.benchmarks.replicating import replication, sustained
from tests.benchmarks.throughput import throughput
from tests.benchmarks.writes import writes

_TASKS = (
    "files",
    "s3",
    "list",
    "start",
    "formats",
    "ltx",
    "preview",
    "console",
    "writes",
    "diff",
    "replicate",
    "sustained",
    "end",
)


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    outcomes: list[Outcome] = []
    print(f"{_machine()}; medians of {options.runs} runs in turn\n", flush=True)
    with _folder(options.keep) as folder:
        for outcome in _measure(folder, options):
            print(outcome.table(), end="\n\n", flush=True)
            outcomes.append(outcome)
    if options.markdown:
        comparisons = [outcome for outcome in outcomes if isinstance(outcome, Comparison)]
        print(markdown(comparisons, _machine(), options.runs))
    document = {
        "machine": _machine(),
        "runs": options.runs,
        "comparisons": [outcome.to_json() for outcome in outcomes],
    }
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if any(outcome.failed for outcome in outcomes):
        sys.exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=_numbers, default=[256, 1024], help="MB of the restored databases")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=list(_TASKS), help=",".join(_TASKS)
    )
    parser.add_argument("--keep", type=Path, help="build the replicas here, or use them when they are there")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--markdown", action="store_true", help="print the table of the README as well")
    options = parser.parse_args()
    if unknown := set(options.only) - set(_TASKS):
        parser.error(f"unknown task {', '.join(sorted(unknown))}; there are {', '.join(_TASKS)}")
    return options


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _measure(folder: Path, options: argparse.Namespace) -> Iterator[Outcome]:
    if "start" in options.only:
        yield from tasks.start(folder, 4 * options.runs)
    if "list" in options.only:
        replica = tasks.prepare_listing(folder)
        yield tasks.listing(tasks.on_files(replica), options.runs)
        with tasks.on_s3(replica) as place:
            yield tasks.listing(place, options.runs)
    if "replicate" in options.only:
        yield from replication(options.runs)
    if "sustained" in options.only:
        yield sustained(options.runs)
    if "end" in options.only:
        yield ending(options.runs)
    if "diff" in options.only:
        yield differences(folder / "diff", options.runs)
    if "formats" in options.only:
        yield throughput(options.runs)
    if "writes" in options.only:
        yield writes(options.runs)
    for size in options.sizes:
        if "files" in options.only:
            place = tasks.on_files(tasks.prepare_restore(folder, size))
            yield tasks.restore(place, size, options.runs, floor=True)
        if "s3" in options.only:
            with tasks.on_s3(tasks.prepare_restore(folder, size)) as place:
                yield tasks.restore(place, size, options.runs, floor=False)
        if "ltx" in options.only:
            yield from _measure_ltx(tasks.prepare_ltx(folder, size), size, options.runs)
    if "console" in options.only:
        listed = tasks.prepare_listing(folder, LISTED)
        yield console(listed, tasks.prepare_restore(folder, max(options.sizes)), options.runs)
    if "preview" in options.only:
        size = max(options.sizes)
        with tasks.on_s3(tasks.prepare_ltx(folder, size), tasks.LTX_ON_S3) as place:
            yield tasks.preview(place, size, options.runs)


def _measure_ltx(replica: Path, size: int, runs: int) -> Iterator[Outcome]:
    yield tasks.restore_ltx(tasks.on_files(replica), size, runs)
    with tasks.on_s3(replica, tasks.LTX_ON_S3) as place:
        yield tasks.restore_ltx(place, size, runs)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sqlrecover-bench-") as name:
        yield Path(name).resolve()


def _machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
