"""Replica URLs as Litestream writes them → `ReplicaConfig`; errors never repeat what may be a password."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlite_recovery_tui.config.credentials import with_environment
from sqlite_recovery_tui.config.files import file_replica
from sqlite_recovery_tui.config.models import SFTP_PORT, ReplicaConfig
from sqlite_recovery_tui.config.paths import absolute
from sqlite_recovery_tui.config.s3 import s3_replica
from sqlite_recovery_tui.config.secret import Secret, forget_locals
from sqlite_recovery_tui.config.urlparts import (
    UrlParts,
    decoded,
    is_url,
    key_prefix,
    refuse_extras,
    required,
    split_url,
)
from sqlite_recovery_tui.errors import UsageError

KNOWN_SCHEMES = ("s3", "gs", "gcs", "abs", "sftp", "file")


def replica_from_url(url: str, *, environ: Mapping[str, str] = os.environ) -> ReplicaConfig:
    """Return the replica at `url` (s3, gs, gcs, abs, sftp, file) or in an existing directory.

    Credentials come from the environment as Litestream takes them. Raise UsageError, which does not
    repeat the URL: it may hold a password.
    """
    try:
        return with_environment(parse_url(url) if is_url(url) else _directory(url), environ)
    except Exception as error:
        del url, environ
        forget_locals(error)
        raise


def parse_url(url: str) -> ReplicaConfig:
    """Return what `url` itself says; raise UsageError."""
    parts = split_url(url)
    reader = _READERS.get(parts.scheme)
    if reader is None:
        raise UsageError(
            f"replicas at {parts.scheme}:// cannot be read; known are "
            + ", ".join(f"{scheme}://" for scheme in KNOWN_SCHEMES),
            hint="an S3-compatible server is s3://BUCKET/PATH?endpoint=https://HOST",
        )
    return replace(reader(parts), name=parts.scheme)


def _directory(text: str) -> ReplicaConfig:
    path = absolute(text)
    if path.is_dir():
        return ReplicaConfig(name="file", type="file", path=str(path))
    shown = f'"{text}"' if "@" not in text else "this"
    raise UsageError(
        f"{shown} is neither a replica URL nor a directory",
        hint="URLs begin with " + ", ".join(f"{scheme}://" for scheme in KNOWN_SCHEMES),
    )


def _gs(parts: UrlParts) -> ReplicaConfig:
    refuse_extras(parts, user=True)
    return ReplicaConfig("gs", "gs", bucket=required(parts.host, "bucket", parts), path=key_prefix(parts))


def _abs(parts: UrlParts) -> ReplicaConfig:
    refuse_extras(parts, user=False)
    if parts.password is not None:
        raise UsageError(
            "the account key does not belong in an abs:// URL",
            hint="set LITESTREAM_AZURE_ACCOUNT_KEY, or account-key in the configuration",
        )
    bucket = required(parts.host, "container", parts)
    return ReplicaConfig("abs", "abs", bucket=bucket, path=key_prefix(parts), account_name=parts.user or None)


def _sftp(parts: UrlParts) -> ReplicaConfig:
    refuse_extras(parts, user=False)
    host, port = split_port(required(parts.host, "host", parts))
    path = decoded(parts.path, "sftp")
    return ReplicaConfig(
        "sftp",
        "sftp",
        path=path[3:] if path.startswith("/~/") else path,
        host=host,
        port=port,
        user=parts.user or None,
        password=Secret(parts.password) if parts.password else None,
    )


def split_port(text: str) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; raise UsageError."""
    found = re.fullmatch(
        r"(?:\[(?P<six>[0-9a-fA-F:.%]+)\]|(?P<host>[^:\s\[\]]+))(?::(?P<port>[0-9]{1,5}))?", text
    )
    port = int(found["port"] or SFTP_PORT) if found else 0
    if found is None or not 0 < port < 65536:
        raise UsageError("the SFTP host is not HOST or HOST:PORT")
    return found["six"] or found["host"], port


_READERS: dict[str, Callable[[UrlParts], ReplicaConfig]] = {
    "s3": s3_replica,
    "gs": _gs,
    "gcs": _gs,
    "abs": _abs,
    "sftp": _sftp,
    "file": file_replica,
}
