"""Where an S3 bucket answers: in the path or in the host's name, behind an endpoint or an access point."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from sqlite_recovery_tui.storage.raw import NoAccount

_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of a bucket, no slash at its end, and the region and service that requests are signed for."""

    url: str
    region: str
    service: str = "s3"


def is_arn(bucket: str) -> bool:
    """Tell whether a bucket is named by an ARN, which stands for an access point."""
    return bucket.startswith("arn:")


def address_of(bucket: str, region: str, endpoint: str | None, *, path_style: bool) -> Address:
    """Return the address of a bucket, or of an access point; `endpoint` None is AWS's own for the region.

    Raise NoAccount for a sort of access point that needs more than a signature of one region.
    """
    if is_arn(bucket):
        return _access_point(bucket, endpoint)
    base = endpoint or f"https://s3.{region}.{_suffix(region)}"
    if path_style:
        return Address(f"{base}/{quote(bucket)}", region)
    return Address(_in_host(bucket, base), region)


def _access_point(arn: str, endpoint: str | None) -> Address:
    """Return the address behind `arn:PARTITION:SERVICE:REGION:ACCOUNT:accesspoint/NAME` (or `:NAME`)."""
    _, partition, service, region, account, resource = (*arn.split(":", 5), *[""] * 5)[:6]
    kind, _, name = resource.replace(":", "/").partition("/")
    if service not in ("s3", "s3-object-lambda") or not region or kind != "accesspoint" or "/" in name:
        raise NoAccount("this sort of access point cannot be used: give one of S3 in a single region")
    part = "s3-accesspoint" if service == "s3" else service
    base = endpoint or f"https://{part}.{region}.{_SUFFIXES.get(partition, 'amazonaws.com')}"
    return Address(_in_host(f"{name}-{account}", base), region, service)


def _in_host(name: str, base: str) -> str:
    parts = urlsplit(base)
    return parts._replace(netloc=f"{name}.{parts.netloc}").geturl()


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
