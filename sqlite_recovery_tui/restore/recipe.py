"""How to carry a plan out by hand, with nothing but lz4, sqlite3 and a copy command."""

from __future__ import annotations

import shlex
from itertools import groupby
from pathlib import Path

from sqlite_recovery_tui.config.models import SFTP_PORT
from sqlite_recovery_tui.config.urls import KNOWN_SCHEMES, parse_url
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.replica.generations import WalRoute
from sqlite_recovery_tui.restore.plan import Plan


def recipe(plan: Plan, output: Path) -> list[str]:
    """Return the shell lines that produce the plan's restore point at `output`."""
    match plan.route:
        case WalRoute():
            lines = _replay(plan.url, plan.route, output)
        case _:
            lines = [_litestream(plan, output)]
    return [*lines, f"sqlite3 {shlex.quote(str(output))} 'PRAGMA integrity_check'"]


def _litestream(plan: Plan, output: Path) -> str:
    """Return Litestream's own command: nothing older than it knows LTX files."""
    wanted = ("-txid", plan.reached.label)
    return _command("litestream", "restore", *wanted, "-o", str(output), plan.url)


def _replay(url: str, route: WalRoute, output: Path) -> list[str]:
    target, wal = shlex.quote(str(output)), shlex.quote(f"{output}-wal")
    lines = [f"{_read(url, route.base.key)} | lz4 -dc > {target}"]
    for index, segments in groupby(route.changes, key=lambda segment: segment.index):
        lines.append(f"# WAL {index:08x}")
        lines += [_append(url, segment, wal) for segment in segments]
        if route.until is not None and index == route.until.index:
            lines.append(f"truncate -s '<{route.until.offset}' {wal}")
        lines.append(f"sqlite3 {target} 'PRAGMA wal_checkpoint(TRUNCATE)'")
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
