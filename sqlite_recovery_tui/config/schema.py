"""Every key that Litestream v0.3 and v0.5 know, and ours below `sqlrecover`, with its type and its place.

`used=False` marks keys that are checked, then dropped, because nothing here acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlite_recovery_tui.config.readers import (
    Reader,
    anything,
    boolean,
    duration,
    integer,
    one_of,
    secret,
    size,
    sql_value,
    text,
)

Shape = Literal["value", "values", "mapping", "mappings"]
Since = Literal["both", "v0.3", "v0.5"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its name, how its value is read, and which Litestream knows it.

    `shape` says what stands behind it: one value or a list of them (read by `read`), one mapping
    or a list of them (with the keys `keys`).
    """

    name: str
    read: Reader = text
    shape: Shape = "value"
    keys: tuple[Key, ...] = ()
    used: bool = True
    since: Since = "both"
    required: bool = False


def _unused(*names: str, read: Reader = text, since: Since = "both") -> tuple[Key, ...]:
    return tuple(Key(name, read, used=False, since=since) for name in names)


_LEVELS = (Key("warn", duration), Key("fail", duration))
OPTIONS = (
    Key("scratch-dir"),
    Key("scratch-keep", duration),
    Key("scratch-max", size),
    Key("memory", size),
    Key("promote-mode", one_of("online", "swap")),
    Key("undo-keep", duration),
    Key("undo-max", size),
    Key(
        "assertions",
        shape="mappings",
        keys=(Key("sql", required=True), Key("expect", sql_value, required=True), Key("name")),
    ),
    Key(
        "thresholds",
        shape="mapping",
        keys=(
            Key("behind", shape="mapping", keys=_LEVELS),
            Key("snapshot-age", shape="mapping", keys=_LEVELS),
            Key("proven-age", shape="mapping", keys=_LEVELS),
        ),
    ),
)
_OURS = Key("sqlrecover", shape="mapping", keys=OPTIONS)
DAEMON = (
    Key("control-socket"),
    Key("shutdown-sync-timeout", duration),
    Key("spool-max", size),
    Key("uploads", integer),
    Key("snapshots", integer),
    Key(
        "drill",
        shape="mapping",
        keys=(
            Key("every", duration, required=True),
            Key("at", one_of("random", "latest")),
            Key("webhook", secret),
        ),
    ),
)
"""Ours too, but of the whole daemon: only at the top of the file."""

# what may stand in a replica and, for v0.5, also at the top as a default for all replicas
SETTINGS = (
    Key("sync-interval", duration),
    Key("validation-interval", duration),
    Key("access-key-id", secret),
    Key("secret-access-key", secret),
    Key("region"),
    Key("bucket"),
    Key("endpoint", secret),
    Key("force-path-style", boolean),
    Key("skip-verify", boolean),
    Key("sign-payload", boolean, since="v0.5"),
    Key("sse-customer-algorithm", since="v0.5"),
    Key("sse-customer-key", secret, since="v0.5"),
    Key("sse-customer-key-path", since="v0.5"),
    Key("account-name"),
    Key("account-key", secret),
    Key("sas-token", secret, since="v0.5"),
    Key("host"),
    Key("user"),
    Key("password", secret),
    Key("key-path"),
    Key("host-key", since="v0.5"),
    Key(
        "age",
        shape="mapping",
        keys=(Key("identities", secret, shape="values"), Key("recipients", shape="values")),
        since="v0.3",
    ),
    *_unused("storage-class", "sse-kms-key-id", "webdav-url", "webdav-username", since="v0.5"),
    *_unused("nkey", "username", "client-cert", "client-key", since="v0.5"),
    *_unused("webdav-password", "jwt", "seed", "creds", "token", read=secret, since="v0.5"),
    *_unused("part-size", read=size, since="v0.5"),
    *_unused("concurrency", "max-reconnects", "max-sync-ltx-files", read=integer, since="v0.5"),
    *_unused("reconnect-wait", "timeout", read=duration, since="v0.5"),
    *_unused("tls", "concurrent-writes", "auto-recover", read=boolean, since="v0.5"),
    *_unused("require-content-md5", "sign-accept-encoding", read=boolean, since="v0.5"),
    Key("root-cas", shape="values", used=False, since="v0.5"),
)

REPLICA = (
    Key("type"),
    Key("name"),
    Key("path"),
    Key("url", secret),
    Key("retention", duration, since="v0.3"),
    Key("retention-check-interval", duration, since="v0.3"),
    Key("snapshot-interval", duration, since="v0.3"),
    *SETTINGS,
    _OURS,
)

_SNAPSHOT = Key(
    "snapshot", shape="mapping", keys=(Key("interval", duration), Key("retention", duration)), since="v0.5"
)

DATABASE = (
    Key("path"),
    Key("replicas", shape="mappings", keys=REPLICA),
    Key("replica", shape="mapping", keys=REPLICA, since="v0.5"),
    Key("meta-path"),
    Key("monitor-interval", duration),
    Key("checkpoint-interval", duration),
    Key("min-checkpoint-page-count", integer),
    Key("max-checkpoint-page-count", integer, since="v0.3"),
    Key("busy-timeout", duration, since="v0.5"),
    _SNAPSHOT,
    Key("dir", since="v0.5"),
    Key("pattern", since="v0.5"),
    Key("recursive", boolean, since="v0.5"),
    Key("watch", boolean, since="v0.5"),
    *_unused("meta-dir", since="v0.5"),
    *_unused("truncate-page-n", read=integer, since="v0.5"),
    *_unused("max-sync-wal-bytes", read=size, since="v0.5"),
    Key("restore-if-db-not-exists", boolean, since="v0.5"),
    _OURS,
)


def _group(name: str, *keys: Key, since: Since = "v0.5", shape: Shape = "mapping") -> Key:
    return Key(name, shape=shape, keys=keys, used=False, since=since)


TOP = (
    Key("dbs", shape="mappings", keys=DATABASE),
    _SNAPSHOT,
    *SETTINGS,
    Key("addr"),
    Key("exec"),
    Key(
        "logging",
        shape="mapping",
        keys=(
            Key("level"),
            Key("type", one_of("text", "json")),
            Key("stderr", boolean, used=False),
            Key("source", boolean, used=False, since="v0.5"),
        ),
    ),
    Key("shutdown-sync-timeout", duration, since="v0.5"),
    _group("levels", Key("interval", duration), shape="mappings"),
    _group("retention", Key("enabled", boolean)),
    _group("validation", Key("interval", duration)),
    _group("socket", Key("enabled", boolean), Key("path"), Key("permissions", anything)),
    *_unused("verify-compaction", read=boolean, since="v0.5"),
    *_unused("heartbeat-url", read=secret, since="v0.5"),
    *_unused("mcp-addr", since="v0.5"),
    *_unused(
        "l0-retention",
        "l0-retention-check-interval",
        "heartbeat-interval",
        "shutdown-sync-interval",
        read=duration,
        since="v0.5",
    ),
    Key("sqlrecover", shape="mapping", keys=(*OPTIONS, *DAEMON)),
)

LEVELS: dict[str, tuple[Key, ...]] = {
    "the top of the file": TOP,
    "an entry of dbs": DATABASE,
    "a replica": REPLICA,
    "sqlrecover": OPTIONS,
    "sqlrecover at the top of the file": DAEMON,
}
"""Where keys may stand, by how a message names the place."""
