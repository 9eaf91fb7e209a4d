"""HTTP for a scraper: two pages, GET alone, few clients at a time and each for a few seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replicate.serving import Serving

MOST_CLIENTS = 8
MOST_HEAD_BYTES = 8 << 10
SECONDS = 5.0
"""How long a request may take to arrive whole, and its answer to leave."""
_WORDS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
}
_WORDS |= {503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    body: bytes
    status: int = 200
    kind: str = "text/plain; charset=utf-8"


class Endpoint:
    """Serves pages made when they are asked for."""

    def __init__(self, address: str, pages: Mapping[str, Callable[[], Page]]) -> None:
        """Listen at HOST:PORT, the host empty for every interface; raise `RecoverError`."""
        host, _, port = address.rpartition(":")
        self._pages = pages
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host.strip("[]"), int(port)), family=family)
        except OSError as error:
            raise RecoverError(
                f"cannot listen on {address}: {(error.strerror or str(error)).lower()}",
                object=address,
                hint="choose another addr in the configuration, or leave it out",
            ) from None
        self.port = int(listening.getsockname()[1])
        self._serving = Serving(listening, self._client, "metrics", MOST_CLIENTS)

    def close(self) -> None:
        """Listen no more."""
        self._serving.close()

    def _client(self, client: socket.socket) -> None:
        head = _head(client)
        if head:
            page = self._page(head)
            client.settimeout(SECONDS)
            client.sendall(_answer(page, with_body=not head.startswith(b"HEAD ")))

    def _page(self, head: bytes) -> Page:
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("ascii", "replace")
        if not rest:
            return Page(b"this is no request\n", 400)
        if method not in (b"GET", b"HEAD"):
            return Page(b"only GET\n", 405)
        if path not in self._pages:
            return Page(f"there is {' and '.join(self._pages)}\n".encode(), 404)
        try:
            return self._pages[path]()
        except Exception as fault:  # a scraper is told, the daemon goes on
            return Page(f"{type(fault).__name__}\n".encode(), 500)


def _head(client: socket.socket) -> bytes:
    """Return a request up to its empty line; nothing when it is too long or takes too long."""
    deadline = time.monotonic() + SECONDS
    head = b""
    while b"\r\n\r\n" not in head:
        left = deadline - time.monotonic()
        if left <= 0 or len(head) > MOST_HEAD_BYTES:
            return b""
        client.settimeout(left)
        piece = client.recv(4096)
        if not piece:
            return b""
        head += piece
    return head


def _answer(page: Page, *, with_body: bool) -> bytes:
    lines = (
        f"HTTP/1.1 {page.status} {_WORDS[page.status]}",
        f"Content-Type: {page.kind}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + (page.body if with_body else b"")
