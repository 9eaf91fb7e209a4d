"""Who may come in: whoever knows the token, under a name of this machine, from a page of this server.

Without the check of names a page of a stranger could have its own name lead to this machine and read the
answers; without the check of origins it could talk to the console through the visitor's browser.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


@dataclass(frozen=True)
class Gate:
    """The rules for one server; made anew, with another token, each time it starts."""

    host: str
    """What the server listens on."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def knows_token(self, given: str | None) -> bool:
        """Tell whether `given` is the token, in a time that tells nothing about it."""
        return hmac.compare_digest((given or "").encode("utf-8", "replace"), self.token.encode())

    def knows_host(self, header: str | None) -> bool:
        """Tell whether a `Host` header names this machine; the port may be another one, of a tunnel."""
        name = _name(header)
        if name in LOOPBACK_NAMES or name == self.host.lower():
            return name != ""
        if is_loopback(self.host):
            return False
        return _address(name) is not None or name in _names_of_this_machine()

    def knows_origin(self, origin: str | None, header: str | None) -> bool:
        """Tell whether a page of this very server asks; a request without an origin comes from no page."""
        if not origin or not header:
            return False
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == header.lower()


def _name(header: str | None) -> str:
    """Return the name or address in a `Host` header, without its port; empty when there is none."""
    try:
        return (urlsplit(f"//{header or ''}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _names_of_this_machine() -> set[str]:
    return {socket.gethostname().lower(), socket.getfqdn().lower()}
