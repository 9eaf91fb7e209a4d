"""How to carry a plan out by hand, with nothing but lz4, sqlite3 and a copy command."""

from __future__ import annotations

import shlex
from itertools import groupby
from pathlib import Path

from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.restore.plan import Plan


def recipe(plan: Plan, output: Path) -> list[str]:
    """Return the shell lines that produce the plan's restore point at `output`."""
    target, wal = shlex.quote(str(output)), shlex.quote(f"{output}-wal")
    lines = [f"{_read(plan.url, plan.base.key)} | lz4 -dc > {target}"]
    for index, segments in groupby(plan.changes, key=lambda segment: segment.index):
        lines.append(f"# WAL {index:08x}")
        lines += [_append(plan.url, segment, wal) for segment in segments]
        if plan.until is not None and index == plan.until.index:
            lines.append(f"truncate -s '<{plan.until.offset}' {wal}")
        lines.append(f"sqlite3 {target} 'PRAGMA wal_checkpoint(TRUNCATE)'")
    lines.append(f"sqlite3 {target} 'PRAGMA integrity_check'")
    return lines


def _append(url: str, segment: WalSegment, wal: str) -> str:
    redirect = ">" if segment.offset == 0 else ">>"
    return f"{_read(url, segment.key)} | lz4 -dc {redirect} {wal}"


def _read(url: str, key: str) -> str:
    place = f"{url.rstrip('/')}/{key}"
    scheme, _, rest = place.partition("://")
    match scheme:
        case "file":
            return f"cat {shlex.quote(rest)}"
        case "s3":
            return f"aws s3 cp {shlex.quote(place)} -"
        case "gs":
            return f"gcloud storage cat {shlex.quote(place)}"
        case "sftp":
            host, _, path = rest.partition("/")
            return f"ssh {shlex.quote(host)} cat {shlex.quote('/' + path)}"
        case "abs":
            return f"az storage blob download --blob-url {shlex.quote(place)} --file /dev/stdout"
        case _:
            return f"cat {shlex.quote(place)}"
