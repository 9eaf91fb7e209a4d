"""A way to a server that counts what comes back from it, byte by byte as it goes over the wire."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

_PIECE = 256 << 10


class Relay(ThreadingTCPServer):
    """Passes connections on to a server; `received` counts the bytes of its answers, headers included."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        place = urlsplit(endpoint)
        self.upstream = (place.hostname or "", place.port or 80)
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.received = 0
        self._lock = threading.Lock()

    def count(self, received: int) -> None:
        with self._lock:
            self.received += received


class _Handler(StreamRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            back = threading.Thread(target=self._answers, args=(upstream,), daemon=True)
            back.start()
            _pass_on(self.connection, upstream)
            back.join()

    def _answers(self, upstream: socket.socket) -> None:
        _pass_on(upstream, self.connection, self.server.count)


def _pass_on(
    source: socket.socket, target: socket.socket, count: Callable[[int], None] = lambda _: None
) -> None:
    piece = bytearray(_PIECE)
    with suppress(OSError):  # whoever hangs up has what it wants
        while size := source.recv_into(piece):
            count(size)
            target.sendall(memoryview(piece)[:size])
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relay(endpoint: str) -> Iterator[Relay]:
    """Run a relay to the server at `endpoint` until the end of the block."""
    with Relay(endpoint) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
