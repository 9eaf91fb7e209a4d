"""Replica URLs taken apart; errors never repeat a URL, for it may hold a password."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import unquote

from sqlite_recovery_tui.errors import UsageError

_URL = re.compile(r"(?P<scheme>\w[\w+.-]{0,20})://(?P<rest>.*)", re.DOTALL)
_PASSWORD = re.compile(r"://[^/@?]*:[^/@?]*@")
_USERINFO = re.compile(r"(://[^\s:@/?&]*):[^\s?&]*@")
_SECRET_OPTION = re.compile(
    r"([?&](?:ssecustomerkey|[^=&]*(?:secret|password|token|sig|credential)[^=&]*)=)[^&]*", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, repr=False)
class UrlParts:
    """A URL taken apart, still encoded."""

    scheme: str
    rest: str
    user: str | None
    password: str | None
    host: str
    path: str
    query: str


def is_url(text: str) -> bool:
    """Tell whether `text` is a URL of a replica, not a path (`sqlite://` stands before paths)."""
    found = _URL.match(text)
    return found is not None and not found["scheme"].lower().startswith("sqlite")


def has_password(url: str) -> bool:
    """Tell whether a password stands in `url`."""
    return _PASSWORD.search(url) is not None or "ssecustomerkey=" in url.lower()


def redacted(text: str) -> str:
    """Return `text`, a URL or anything else, with every password and key of a URL in it made `***`."""
    return _SECRET_OPTION.sub(r"\1***", _USERINFO.sub(r"\1:***@", text))


def split_url(url: str) -> UrlParts:
    """Return the parts of `url`; raise UsageError."""
    found = _URL.fullmatch(url)
    if found is None or _CONTROL.search(url):
        raise UsageError("not a replica URL", hint="for example s3://BUCKET/PATH or file:///DIRECTORY")
    scheme, rest = found["scheme"].lower(), found["rest"]
    before_query, _, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    userinfo, at, host = authority.rpartition("@")
    user, colon, password = userinfo.partition(":")
    return UrlParts(
        scheme=scheme,
        rest=rest,
        user=decoded(user, scheme) if at else None,
        password=decoded(password, scheme) if colon else None,
        host=host,
        path=slash + path,
        query=query,
    )


def decoded(text: str, scheme: str) -> str:
    """Return `text` with percent escapes undone; raise UsageError when that makes no text."""
    if not BAD_ESCAPE.search(text):
        try:
            return unquote(text, errors="strict")
        except UnicodeDecodeError:
            pass
    raise UsageError(f"the {scheme}:// URL has a broken percent escape", hint="a percent sign itself is %25")


def key_prefix(parts: UrlParts) -> str:
    """Return the key prefix of an object store's URL; raise UsageError."""
    if "#" in parts.path:
        raise UsageError(f"the {parts.scheme}:// URL has a #, which ends a path", hint="write it as %23")
    return clean_prefix(decoded(parts.path, parts.scheme))


def clean_prefix(path: str) -> str:
    """Return a path of keys without empty, `.` and `..` parts and without slashes around it."""
    cleaned = posixpath.normpath("/" + path).strip("/")
    return "" if cleaned == "." else cleaned


def refuse_extras(parts: UrlParts, *, user: bool) -> None:
    """Raise UsageError for options after a question mark, and for a user when `user`."""
    if parts.query:
        raise UsageError(f"the {parts.scheme}:// URL takes no options after a question mark")
    if user and parts.user is not None:
        raise UsageError(f"credentials do not belong in a {parts.scheme}:// URL")


def required(text: str, noun: str, parts: UrlParts) -> str:
    """Return `text`, the part of the URL called `noun`; raise UsageError when it is empty."""
    if not text:
        raise UsageError(f"the {parts.scheme}:// URL names no {noun}")
    return text
