"""The configuration as frozen values: settings, their databases, the replicas of these.

Nothing here shows a secret: they are `Secret`s, and `url` leaves them out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.folders import state_folder

ReplicaType = Literal["file", "s3", "gs", "abs", "sftp", "memory"]
PromoteMode = Literal["online", "swap"]

# what would end or confuse the path of a URL: percent, question mark, hash, control characters, bytes that
# are no text; all else stays readable
_MISREAD = re.compile("[%?#\x00-\x1f\x7f-\x9f]|[\ud800-\udfff]")
DEFAULT_MEMORY_BYTES = 128 << 20
DEFAULT_SPOOL_BYTES = 10 << 30
SFTP_PORT = 22


def default_scratch_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where scratch databases go unless the configuration says otherwise."""
    return state_folder(environ) / "scratch"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which age or lag on a check warns, and from which it fails; None: never."""

    warn: timedelta | None = None
    fail: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of the health checks."""

    behind: Threshold = Threshold()
    """How far a replica may be behind the live database."""
    snapshot_age: Threshold = Threshold()
    """How old the newest snapshot may be."""
    proven_age: Threshold = Threshold()
    """How long ago a restore was last proven."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A statement whose first value must be `expect` in every good restore (None: NULL)."""

    sql: str
    expect: str | int | float | None
    name: str = ""

    @property
    def title(self) -> str:
        """What it is called: its name, or else the statement in one line."""
        return self.name or " ".join(self.sql.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Our own settings as they hold at one level: what is nearest wins, key by key."""

    scratch_dir: Path = field(default_factory=default_scratch_dir, repr=False)
    scratch_keep: timedelta | None = field(default=None, repr=False)
    """How long scratch databases are kept; None: until somebody deletes them."""
    scratch_max: int | None = field(default=None, repr=False)
    """How many bytes all of them may take; None: without a limit."""
    memory_bytes: int = field(default=DEFAULT_MEMORY_BYTES, repr=False)
    promote_mode: PromoteMode | None = field(default=None, repr=False)
    undo_keep: timedelta | None = field(default=None, repr=False)
    """How long undo points are kept; None: until somebody deletes them."""
    undo_max: int | None = field(default=None, repr=False)
    """How many bytes those of one database may take; None: without a limit."""
    assertions: tuple[Assertion, ...] = field(default=(), repr=False)
    thresholds: Thresholds = field(default=Thresholds(), repr=False)


@dataclass(frozen=True, slots=True)
class ReplicaConfig(Options):
    """Everything needed to open one replica; keys a type has no use for stay empty."""

    name: str
    type: ReplicaType
    bucket: str = ""
    """The container of Azure; the bucket of S3 and Google."""
    path: str = ""
    """Files: an absolute directory; object stores: a key prefix, no slashes around it; SFTP: as written."""

    literal_path: str | None = None
    """S3: the path as the file has it, where that is not `path`; Litestream 0.5 writes below it unchanged."""

    region: str | None = None
    endpoint: str | None = None
    """A URL with http:// or https://; None is the provider's own."""
    force_path_style: bool | None = None
    skip_verify: bool = False
    sign_payload: bool | None = None
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key: Secret | None = None
    sse_customer_key_path: str | None = None

    account_name: str | None = None
    account_key: Secret | None = None
    sas_token: Secret | None = None

    host: str | None = None
    port: int = SFTP_PORT
    user: str | None = None
    password: Secret | None = None
    key_path: str | None = None
    host_key: str | None = None

    age_identities: tuple[Secret, ...] = ()
    age_recipients: tuple[str, ...] = ()

    retention: timedelta | None = None
    retention_check_interval: timedelta | None = None
    sync_interval: timedelta | None = None
    snapshot_interval: timedelta | None = None
    validation_interval: timedelta | None = None

    @property
    def url(self) -> str:
        """The place as a person would write it, without secrets; `replica_from_url` finds it again."""
        path = _MISREAD.sub(lambda found: quote(found[0], errors="surrogateescape"), self.path)
        if self.type == "file":
            return f"file://{path}"
        if self.type == "sftp":
            return f"sftp://{self._sftp_host()}{path if path.startswith('/') else f'/~/{path}'}"
        place = f"{self.type}://{self._bucket()}"
        query = self._query() if self.type == "s3" else ""
        return place + (f"/{path}" if path else "") + (f"?{query}" if query else "")

    def _bucket(self) -> str:
        account = f"{self.account_name}@" if self.type == "abs" and self.account_name else ""
        return account + self.bucket

    def _sftp_host(self) -> str:
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host or ""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        port = f":{self.port}" if self.port != SFTP_PORT else ""
        return f"{user}{host}{port}"

    def _query(self) -> str:
        """Return the options that say which server is meant; AWS needs none."""
        if not self.endpoint:
            return ""
        options = {"endpoint": self.endpoint}
        if self.region:
            options["region"] = self.region
        if self.force_path_style is False:
            options["forcePathStyle"] = "false"
        if self.skip_verify:
            options["skipVerify"] = "true"
        return "&".join(f"{name}={quote(value, safe=':/[]')}" for name, value in options.items())


@dataclass(frozen=True, slots=True)
class DatabaseConfig(Options):
    """A database of the configuration and its replicas, in the order of the file."""

    path: Path
    """Absolute, links not followed."""
    name: str
    """The base name of `path`."""
    replicas: tuple[ReplicaConfig, ...] = ()
    written: str = ""
    """The path as the configuration has it."""
    directory: Path | None = None
    """The directory that it was found in; None for one that is configured by itself."""

    meta_path: Path | None = None
    monitor_interval: timedelta | None = None
    checkpoint_interval: timedelta | None = None
    busy_timeout: timedelta | None = None
    restore_if_db_not_exists: bool = False
    min_checkpoint_page_count: int | None = None
    max_checkpoint_page_count: int | None = None


@dataclass(frozen=True, slots=True)
class DirectoryConfig:
    """A directory whose files are databases; those that are there are among the databases already."""

    path: Path
    """Absolute, links not followed."""
    pattern: str
    """What the name of a database must match, as Go's path/filepath.Match has it."""
    each: DatabaseConfig
    """What holds for every database in it; its paths are the directory's."""
    recursive: bool = False
    watch: bool = False
    """Whether the daemon follows databases that appear while it runs, and lets go of those that went."""


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """How the replication daemon as a whole behaves."""

    addr: str = ""
    """HOST:PORT of the metrics, the host empty for every interface; "" for none."""
    command: str = field(default="", repr=False)
    """What is run as its child."""
    log_level: str = "info"
    log_json: bool = False
    control_socket: Path | None = None
    """None: one of this process in the state folder of its user."""
    shutdown_sync_timeout: timedelta = timedelta(seconds=30)
    spool_max: int = DEFAULT_SPOOL_BYTES
    """How many bytes of history may wait on this machine's disk, for each database."""
    uploads: int = 16
    """How many uploads run at a time, over all replicas."""
    snapshots: int = 2
    """How many snapshots are made at a time, over all databases."""
    drill_every: timedelta | None = None
    """How old the proof of a replica may become before all are restored once more; None: nothing is."""
    drill_at: Literal["random", "latest"] = "random"
    drill_webhook: Secret | None = None
    """Who is told when one of them cannot be restored."""


@dataclass(frozen=True, slots=True)
class Settings(Options):
    """A whole configuration; without a file, the defaults."""

    file: Path | None = None
    databases: tuple[DatabaseConfig, ...] = ()
    directories: tuple[DirectoryConfig, ...] = ()
    daemon: DaemonConfig = DaemonConfig()
    warnings: tuple[str, ...] = ()
    """What the operator should know and no command stops for; one line each."""

    def database(self, wanted: str) -> DatabaseConfig:
        """Return a database by its path as configured, absolute path, or base name if that is unique.

        One of a whole directory need not be there any more. Raise NotFoundError naming the nearest known
        one, UsageError when a base name is not unique.
        """
        from sqlite_recovery_tui.config.lookup import find_database

        return find_database(self.databases, wanted, self.directories)
