"""One unsigned request to an S3 endpoint, for what obstore's errors leave out: region, clock, kind."""

from __future__ import annotations

import http.client
import ssl
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Probe:
    """What the headers of an answer say; empty or None where they say nothing."""

    region: str = ""
    time: datetime | None = None
    is_html: bool = False


def probe(url: str, *, timeout_seconds: float, verify: bool = True, method: str = "HEAD") -> Probe | None:
    """Return what `url` answers, whatever its status, redirects not followed; None when nothing does."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, method=method)  # noqa: S310  (the scheme is the configured one)
    try:
        with opener.open(request, timeout=timeout_seconds) as answer:
            return _read(answer.headers)
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _read(headers: Message) -> Probe:
    return Probe(
        region=headers.get("x-amz-bucket-region", ""),
        time=_time(headers.get("Date", "")),
        is_html=headers.get_content_type() == "text/html",
    )


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
