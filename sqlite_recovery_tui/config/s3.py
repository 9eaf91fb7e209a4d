"""S3 URLs and endpoints: AWS itself, access points, and the S3-compatible hosts that Litestream knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from sqlite_recovery_tui.config.models import ReplicaConfig
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.config.urlparts import UrlParts, clean_prefix, decoded, key_prefix, required
from sqlite_recovery_tui.errors import UsageError

DEFAULT_REGION = "us-east-1"

# the host forms that Litestream knows; the bucket is what stands before the provider's own part
_PROVIDERS = (
    (re.compile(r"(?:(?P<bucket>.+)\.)?localhost"), "localhost"),
    (re.compile(r"(?:(?P<bucket>.+)\.)?s3\.(?P<region>[^.]+)\.backblazeb2\.com"), "s3.{}.backblazeb2.com"),
    (re.compile(r"(?:(?P<bucket>.+)\.)?s3\.filebase\.com"), "s3.filebase.com"),
    (
        re.compile(r"(?:(?P<bucket>.+)\.)?(?P<region>[^.]+)\.digitaloceanspaces\.com"),
        "{}.digitaloceanspaces.com",
    ),
    (re.compile(r"(?:(?P<bucket>.+)\.)?s3\.(?P<region>[^.]+)\.scw\.cloud"), "s3.{}.scw.cloud"),
    (re.compile(r"(?:(?P<bucket>.+)\.)?(?P<region>[^.]+)\.linodeobjects\.com"), "{}.linodeobjects.com"),
)
_LOCAL = re.compile(
    r"localhost|127\.0\.0\.1|\[::1\]|10\..+|192\.168\..+|172\.(?:1[6-9]|2[0-9]|3[01])\..+|.+\.local(?:host)?"
)
_ACCESS_POINT = re.compile(
    r"(?P<arn>arn:[^:/]*:[^:/]*:(?P<region>[^:/]*):[^:/]*:accesspoint/[^/]+)(?:/(?P<key>.*))?", re.IGNORECASE
)
_OPTIONS = {
    name.lower(): name
    for name in (
        "endpoint",
        "region",
        "forcePathStyle",
        "skipVerify",
        "signPayload",
        "sseCustomerAlgorithm",
        "sseCustomerKey",
    )
}
_FIELDS = {name: re.sub("([A-Z])", r"_\1", written).lower() for name, written in _OPTIONS.items()}
_WRITING = frozenset(
    {
        "requirecontentmd5",
        "partsize",
        "concurrency",
        "storageclass",
        "ssekmskeyid",
        "ssecustomerkeymd5",
        "signacceptencoding",
    }
)
"""Options that matter only to who writes."""
_FLAGS = {
    "true": True,
    "1": True,
    "t": True,
    "yes": True,
    "false": False,
    "0": False,
    "f": False,
    "no": False,
}
_ENDPOINT = re.compile(
    r"(?:https?://)?(?:\[[0-9a-fA-F:.]+\]|[^\s/:?#\[\]]+)(?::[0-9]{1,5})?(?:/[^\s?#]*)?", re.IGNORECASE
)


def s3_replica(parts: UrlParts) -> ReplicaConfig:
    """Return the replica behind an s3:// URL; raise UsageError."""
    if parts.user is not None:
        raise UsageError(
            "credentials do not belong in an s3:// URL", hint="use the environment, a profile or the file"
        )
    if access_point := _ACCESS_POINT.fullmatch(parts.rest.partition("?")[0]):
        key = clean_prefix(decoded(access_point["key"] or "", "s3"))
        region = access_point["region"] or None
        plain = ReplicaConfig("s3", "s3", bucket=access_point["arn"], path=key, region=region)
    else:
        host = parse_s3_host(parts.host)
        plain = ReplicaConfig(
            "s3",
            "s3",
            bucket=required(host.bucket, "bucket", parts),
            path=key_prefix(parts),
            region=host.region,
            endpoint=host.endpoint,
            force_path_style=host.path_style,
        )
    return _with_query(plain, parts.query)


def _with_query(replica: ReplicaConfig, query: str) -> ReplicaConfig:
    changes: dict[str, Any] = {}
    for written, value in parse_qsl(query, errors="replace"):
        name = written.lower().replace("-", "")
        if name in _OPTIONS:
            changes[_FIELDS[name]] = _option(name, value)
        elif name not in _WRITING:
            raise UsageError(_unknown_option(written))
    changed = replace(replica, **changes)
    if changed.endpoint and changed.force_path_style is None:
        return replace(changed, force_path_style=True)
    return changed


def _option(name: str, value: str) -> str | bool | Secret:
    if name == "endpoint":
        return endpoint_url(value)
    if name == "ssecustomerkey":
        return Secret(value)
    if name in ("region", "ssecustomeralgorithm"):
        return value
    if value.lower() not in _FLAGS:
        raise UsageError(f"{_OPTIONS[name]} in the s3:// URL is neither true nor false")
    return _FLAGS[value.lower()]


def _unknown_option(written: str) -> str:
    from difflib import get_close_matches

    known = list(_OPTIONS.values())
    near = get_close_matches(written, known, n=1, cutoff=0.7)
    meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    name = f" {written}" if re.fullmatch(r"[A-Za-z-]{1,40}", written) else ""
    return f"the s3:// URL has an unknown option{name} after the question mark; {meant}"


def endpoint_url(text: str) -> str:
    """Return an endpoint with a scheme and no slash at its end; raise UsageError for credentials in it."""
    if "@" in text:
        raise UsageError("credentials do not belong in an endpoint")
    if not _ENDPOINT.fullmatch(text):
        raise UsageError("an endpoint is http:// or https://, a host and perhaps a port")
    return with_scheme(text).rstrip("/")


@dataclass(frozen=True, slots=True)
class S3Host:
    """What the host part of an S3 URL means."""

    bucket: str
    region: str | None = None
    endpoint: str | None = None
    path_style: bool | None = None


def parse_s3_host(netloc: str) -> S3Host:
    """Return the bucket, region and endpoint behind a host; any unknown host is a bucket's name."""
    host, _, port = netloc.partition(":")
    for pattern, template in _PROVIDERS:
        if found := pattern.fullmatch(host):
            groups = found.groupdict()
            endpoint = template.format(groups.get("region")) + (f":{port}" if port else "")
            return S3Host(groups["bucket"] or "", _region(template, groups), with_scheme(endpoint), True)
    return S3Host(host)


def with_scheme(endpoint: str) -> str:
    """Return an endpoint as a URL: http for this machine and private networks, https for all else."""
    if re.match(r"https?://", endpoint, re.IGNORECASE):
        return endpoint
    host = re.sub(r"(?::[0-9]+)?(?:/.*)?$", "", endpoint.lower())
    return f"{'http' if _LOCAL.fullmatch(host) else 'https'}://{endpoint}"


def _region(template: str, groups: dict[str, str | None]) -> str | None:
    return DEFAULT_REGION if template == "localhost" else groups.get("region")
