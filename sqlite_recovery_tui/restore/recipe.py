"""How to carry a plan out by hand, with nothing but lz4, sqlite3 and a copy command."""

from __future__ import annotations

import shlex
from itertools import groupby
from pathlib import Path

from sqlite_recovery_tui.config.models import SFTP_PORT
from sqlite_recovery_tui.config.urls import KNOWN_SCHEMES, parse_url
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
    """Return the command that writes one stored object to standard output."""
    scheme = url.partition("://")[0]
    if scheme not in KNOWN_SCHEMES:
        return _command("cat", f"{url.rstrip('/')}/{key}")
    place = parse_url(url)
    path = f"{place.path.rstrip('/')}/{key}" if place.path else key
    match place.type:
        case "s3":
            endpoint = ("--endpoint-url", place.endpoint) if place.endpoint else ()
            region = ("--region", place.region) if place.region else ()
            verify = ("--no-verify-ssl",) if place.skip_verify else ()
            return _command(
                "aws", "s3", "cp", f"s3://{place.bucket}/{path}", "-", *endpoint, *region, *verify
            )
        case "gs":
            return _command("gcloud", "storage", "cat", f"gs://{place.bucket}/{path}")
        case "abs":
            account = ("--account-name", place.account_name) if place.account_name else ()
            where = ("--container-name", place.bucket, "--name", path, "--file", "/dev/stdout")
            return _command("az", "storage", "blob", "download", *account, *where)
        case "sftp":
            port = ("-p", str(place.port)) if place.port != SFTP_PORT else ()
            host = f"{place.user}@{place.host}" if place.user else str(place.host)
            # The shell at the other end takes the command apart once more.
            return _command("ssh", *port, host, _command("cat", path))
        case _:
            return _command("cat", path)


def _command(*words: str) -> str:
    return shlex.join(words)
