"""What an exception of obstore, botocore or urllib says, read out of it: status, code, kind of break.

obstore gives its answers as text only, so this is the one place that reads that text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Break = Literal[
    "",
    "connect",
    "dns",
    "tls",
    "timeout",
    "reset",
    "short",
    "whole",
    "redirect",
    "credentials",
    "key",
    "no-s3",
    "login",
    "other-host",
]
"""How it broke off; "whole" is a whole object where a range was asked for, "key" a key it cannot carry."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """What is known of a failed request; `status` is 0 when no answer came."""

    status: int = 0
    code: str = ""
    """The service's own error code, such as NoSuchBucket."""
    broke: Break = ""
    region: str = ""
    """The region the service names as the right one."""
    server_time: str = ""
    text: str = ""
    """One line for a person, when nothing above says more."""


_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,80})\s*</Code>")
_JSON_CODE = re.compile(r'\\?"(?:reason|code)\\?"\s*:\s*\\?"([A-Za-z][A-Za-z0-9._-]{1,80})\\?"')
_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")
_SERVER_TIME = re.compile(r"<ServerTime>([0-9A-Za-z:.+-]{1,40})</ServerTime>")
_DEBUG = "\n\nDebug source:"
_NAMES = re.compile(r'(?:uri: Some\(\s*\S+\s*\)|path: "(?:[^"\\]|\\.)*"),')
"""The places in obstore's text where a bucket or key stands, which must not be read as a symptom."""

_BREAKS: tuple[tuple[Break, re.Pattern[str]], ...] = (
    ("whole", re.compile(r"NotPartial|non-partial response")),
    ("redirect", re.compile(r"BareRedirect|redirect without LOCATION")),
    ("dns", re.compile(r"dns error|failed to lookup address|Name or service not known|getaddrinfo")),
    (
        "tls",
        re.compile(r"[Cc]ertificate|InvalidContentType|HandshakeFailure|AlertReceived|SSL|TLS|UnknownCA"),
    ),
    ("timeout", re.compile(r"TimedOut|kind: Timeout|[Tt]imed out")),
    ("connect", re.compile(r"kind: Connect,|ConnectionRefused|tcp connect error")),
    ("short", re.compile(r"UnexpectedEof|end of file before message|IncompleteMessage|IncompleteBody")),
    (
        "reset",
        re.compile(r"kind: (?:Interrupted|Request|Decode|Unknown)|ConnectionReset|BrokenPipe|body error"),
    ),
)


def of_obstore(error: Exception) -> Symptom:
    """Read an exception of obstore, or of the standard library that obstore raised."""
    text = str(error)
    first, _, debug = text.partition(_DEBUG)
    name = type(error).__name__
    if name == "InvalidPathError" or (isinstance(error, ValueError) and "parse path" in text):
        return Symptom(broke="key", text=_line(first))
    if "Error performing token request" in first:
        return Symptom(broke="credentials", text="no service gave a token")
    if "credential provider" in first:
        return Symptom(broke="credentials", text=_line(first))
    if status := _STATUS.search(first):
        return of_answer(int(status[1]), first)
    return Symptom(broke=_break(_NAMES.sub("", debug)), text=_line(first))


def of_answer(status: int, body: str) -> Symptom:
    """Read an HTTP answer's status and body, XML or JSON."""
    code = _CODE.search(body) or _JSON_CODE.search(body)
    return Symptom(
        status=status,
        code=code[1] if code else "",
        region=_group(_REGION, body),
        server_time=_group(_SERVER_TIME, body),
        text=f"HTTP status {status}",
    )


def of_botocore(error: Exception) -> Symptom:
    """Read an exception of botocore or urllib3."""
    name = type(error).__name__
    text = _line(str(error))
    if name in _NO_CREDENTIALS:
        return Symptom(broke="credentials", text=text)
    if "IncompleteRead(" in text:
        return Symptom(broke="short", text=text)
    return Symptom(broke=_BOTOCORE_BREAKS.get(name) or _break(str(error)), text=text)


_NO_CREDENTIALS = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "ProfileNotFound",
        "ConfigNotFound",
        "ConfigParseError",
        "SSOError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "RefreshWithMFAUnsupportedError",
        "InvalidConfigError",
    }
)
_BOTOCORE_BREAKS: dict[str, Break] = {
    "SSLError": "tls",
    "ConnectTimeoutError": "timeout",
    "ReadTimeoutError": "timeout",
    "ProxyConnectionError": "connect",
    "ConnectionClosedError": "reset",
    "ResponseStreamingError": "reset",
    "IncompleteReadError": "short",
}


def of_paramiko(error: BaseException) -> Symptom | None:
    """Read an exception of paramiko or of its socket; None for one about a file."""
    if "protocol banner" in str(error):
        return Symptom(broke="timeout")
    for kind in type(error).__mro__:
        if kind.__name__ in _PARAMIKO_BREAKS:
            return Symptom(broke=_PARAMIKO_BREAKS[kind.__name__], text=_line(str(error)))
    if isinstance(error, OSError) and "Socket is closed" in str(error):
        return Symptom(broke="reset")
    return None


_PARAMIKO_BREAKS: dict[str, Break] = {
    "PasswordRequiredException": "login",
    "AuthenticationException": "login",
    "BadHostKeyException": "other-host",
    "NoValidConnectionsError": "connect",
    "ConnectionRefusedError": "connect",
    "gaierror": "dns",
    "TimeoutError": "timeout",
    "ConnectionError": "reset",
    "EOFError": "reset",
    "SSHException": "reset",
}


def _break(text: str) -> Break:
    return next((name for name, pattern in _BREAKS if pattern.search(text)), "")


def _group(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
