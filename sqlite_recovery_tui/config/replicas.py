"""One replica's section → `ReplicaConfig`: by URL or by parts, with the defaults from the top of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlite_recovery_tui.config.credentials import with_environment
from sqlite_recovery_tui.config.models import ReplicaConfig, ReplicaType
from sqlite_recovery_tui.config.paths import absolute
from sqlite_recovery_tui.config.readers import Place
from sqlite_recovery_tui.config.s3 import endpoint_url
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.config.urlparts import clean_prefix, is_url
from sqlite_recovery_tui.config.urls import parse_url, split_port
from sqlite_recovery_tui.config.walk import Notes, Section
from sqlite_recovery_tui.errors import UsageError

UNREADABLE = ("nats", "webdav", "webdavs", "oss")
"""Types that Litestream v0.5 knows and this program does not read."""

_TYPES: dict[str, ReplicaType] = {
    "file": "file",
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abs": "abs",
    "sftp": "sftp",
}
_PARTS_OF_URL = ("path", "bucket", "host")
_PLAIN_KEYS = (
    "region",
    "force-path-style",
    "sign-payload",
    "access-key-id",
    "secret-access-key",
    "sse-customer-algorithm",
    "sse-customer-key",
    "sse-customer-key-path",
    "account-name",
    "account-key",
    "sas-token",
    "user",
    "password",
    "key-path",
    "host-key",
    "retention",
    "retention-check-interval",
    "sync-interval",
    "snapshot-interval",
    "validation-interval",
)
_NOT_AT_TOP = ("retention", "retention-check-interval", "snapshot-interval")


def type_of(section: Section) -> str:
    """Return the type as written: the URL's scheme, else `type`, else file; raise ConfigError."""
    url: Secret | None = section.get("url")
    kind: str = section.get("type") or "file"
    place = section.at("type")
    if url is not None:
        place = section.at("url")
        kind = url.reveal().partition("://")[0].lower() if is_url(url.reveal()) else ""
    if kind in _TYPES or kind in UNREADABLE:
        return kind
    if not kind:
        raise place.error("a URL is expected, such as s3://BUCKET/PATH; a plain directory goes under path")
    raise place.error(f"unknown type of replica; known are {', '.join(_TYPES)}")


def read_replica(section: Section, top: Section, environ: Mapping[str, str], notes: Notes) -> ReplicaConfig:
    """Return the replica that `section` describes, with what it leaves open from `top` and `environ`."""
    _check_exclusive(section)
    url: Secret | None = section.get("url")
    kind = _TYPES[type_of(section)]
    base = _from_url(url, section.at("url")) if url else _from_parts(section, top, kind, environ, notes)
    replica = replace(base, **_settings(section, top))
    _check_keys(replica, section, notes)
    return with_environment(_with_endpoint(replica, section, top), environ)


def _check_exclusive(section: Section) -> None:
    for key in _PARTS_OF_URL:
        if "url" in section and key in section:
            raise section.at(key).error(f"url and {key} exclude one another")
    if is_url(section.get("path") or ""):
        raise section.at("path").error("a URL goes under url")


def _from_url(url: Secret, place: Place) -> ReplicaConfig:
    try:
        return parse_url(url.reveal())
    except UsageError as error:
        message, hint = error.message, error.hint
    raise place.error(message, hint=hint)


def _from_parts(
    section: Section, top: Section, kind: ReplicaType, environ: Mapping[str, str], notes: Notes
) -> ReplicaConfig:
    path = section.get("path") or ""
    if kind == "file":
        if not path:
            raise section.place.error("path is missing: the directory of the replica")
        return ReplicaConfig(kind, kind, path=str(absolute(path, environ)))
    if kind == "sftp":
        return _sftp(section, top, path)
    bucket = _inherit(section, top, "bucket")
    if not bucket:
        raise section.place.error(f"bucket is missing, which a replica of type {kind} needs")
    cleaned = clean_prefix(path)
    literal = path if kind == "s3" and path != cleaned else None
    if path.startswith("/"):
        place = section.at("path")
        read = "left out" if literal is None else "kept by Litestream 0.5, left out by 0.3; both are read"
        notes.others.append(f"{place.key} (line {place.line}): the slash at the beginning is {read}")
    return ReplicaConfig(kind, kind, bucket=bucket, path=cleaned, literal_path=literal)


def _sftp(section: Section, top: Section, path: str) -> ReplicaConfig:
    host = _inherit(section, top, "host")
    if not host:
        raise section.place.error("host is missing, which a replica of type sftp needs")
    place = section.at("host")
    try:
        name, port = split_port(host)
    except UsageError as error:
        message = error.message
    else:
        return ReplicaConfig("sftp", "sftp", path=path, host=name, port=port)
    raise place.error(message)


def _settings(section: Section, top: Section) -> dict[str, Any]:
    """Return the settings given here or at the top, by field."""
    given: dict[str, Any] = {
        key: section.get(key) if key in _NOT_AT_TOP else _inherit(section, top, key) for key in _PLAIN_KEYS
    }
    settings = {key.replace("-", "_"): value for key, value in given.items() if value is not None}
    if section.get("skip-verify") or top.get("skip-verify"):
        settings["skip_verify"] = True
    return settings | _age(section, top)


def _age(section: Section, top: Section) -> dict[str, Any]:
    """Return the age keys; a list item may hold several lines, and comments as key files have them."""
    own, default = section.section("age"), top.section("age")
    identities: list[Secret] = own.get("identities") or default.get("identities") or []
    recipients: list[str] = own.get("recipients") or default.get("recipients") or []
    return {
        "age_identities": tuple(Secret(line) for item in identities for line in _key_lines(item.reveal())),
        "age_recipients": tuple(line for item in recipients for line in _key_lines(item)),
    }


def _key_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _with_endpoint(replica: ReplicaConfig, section: Section, top: Section) -> ReplicaConfig:
    """Add an endpoint given as a key; S3 behind one is asked in path style unless told otherwise."""
    endpoint: Secret | None = _inherit(section, top, "endpoint")
    if endpoint is None or replica.type not in ("s3", "abs"):
        return replica
    place = section.at("endpoint") if "endpoint" in section else top.at("endpoint")
    try:
        url = endpoint_url(endpoint.reveal())
    except UsageError as error:
        message = error.message
    else:
        style = True if replica.force_path_style is None else replica.force_path_style
        return replace(replica, endpoint=url, force_path_style=style if replica.type == "s3" else None)
    raise place.error(message)


def _check_keys(replica: ReplicaConfig, section: Section, notes: Notes) -> None:
    if replica.type == "s3" and bool(replica.access_key_id) != bool(replica.secret_access_key):
        given, missing = "access-key-id", "secret-access-key"
        if not replica.access_key_id:
            given, missing = missing, given
        notes.others.append(
            f"{section.place.key} (line {section.place.line}): {given} without {missing}; "
            "is an environment variable not set?"
        )


def _inherit(section: Section, top: Section, key: str) -> Any:
    return section.get(key) if key in section else top.get(key)
