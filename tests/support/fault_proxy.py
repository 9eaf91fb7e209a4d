"""An HTTP proxy in front of a storage server that answers wrongly on request.

A test adds faults; each is used for the requests it matches, a number of times, in the order they were
added. Everything else passes through. `requests` records what arrived.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Action = Literal["answer", "reset-before", "reset-after", "truncate", "hang", "ignore-range", "alter"]
ALWAYS = 1 << 30


@dataclass
class Fault:
    """What to do to the next `times` requests of `method` whose target contains `target`."""

    action: Action
    times: int = 1
    method: str = ""
    target: str = ""
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    keep: int = 0
    """How many bytes of the body to send before `truncate` breaks the connection."""
    politely: bool = False
    """Whether `truncate` closes the connection in order instead of resetting it."""
    alter: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]


def s3_error(code: str, *, status: int, extra: str = "", **options: object) -> Fault:
    """Return a fault that answers as S3 does: `<Error><Code>code</Code>…extra…</Error>`."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message>{extra}</Error>".encode()
    return Fault("answer", status=status, body=body, **options)  # type: ignore[arg-type]


def flip_bit(offset: int) -> Callable[[bytes], bytes]:
    """Return a change of one bit of the byte at `offset`."""

    def change(data: bytes) -> bytes:
        return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]

    return change


class FaultProxy(ThreadingHTTPServer):
    """The proxy; use `fault_proxy` to run one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.upstream = urlsplit(upstream).netloc
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        self.requests: list[Request] = []
        self.released = threading.Event()
        """Set at the end; requests that hang wait for it."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Put faults at the end of the list."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Forget all faults and requests."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()

    def take(self, request: Request) -> Fault | None:
        """Record a request and use up the first fault that matches it."""
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if (
                    fault.times > 0
                    and fault.method in ("", request.method)
                    and fault.target in request.target
                ):
                    fault.times -= 1
                    return fault
        return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are the purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultProxy

    def handle_any(self) -> None:
        body = self._body()
        request = Request(self.command, self.path, dict(self.headers.items()))
        fault = self.server.take(request)
        action = fault.action if fault else None
        if fault is None:
            self._send(*self._forward(body))
        elif action == "answer":
            self._send(fault.status, fault.headers, fault.body)
        elif action == "reset-before":
            self._reset()
        elif action == "reset-after":
            self._forward(body)
            self._reset()
        elif action == "hang":
            self.server.released.wait()
            self._reset()
        else:
            self._spoil(fault, body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _spoil(self, fault: Fault, body: bytes) -> None:
        if fault.action == "ignore-range":
            del self.headers["Range"]
        status, headers, data = self._forward(body)
        if fault.action == "alter":
            data = fault.alter(data)
        if fault.action != "truncate":
            self._send(status, headers, data)
            return
        self._send(status, headers, data[: fault.keep], length=len(data))
        self.close_connection = True
        if not fault.politely:
            self._reset()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        data = self.rfile.read(int(self.rfile.readline().split(b";")[0], 16))
        self.rfile.readline()
        return data

    def _forward(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_HEADERS}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_HEADERS}
            if self.command == "HEAD" and (length := answer.getheader("Content-Length")):
                kept["Content-Length"] = length
            return answer.status, kept, data
        finally:
            upstream.close()

    def _send(
        self, status: int, headers: Mapping[str, str], data: bytes, *, length: int | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
            self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            self.connection.close()


_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@contextmanager
def fault_proxy(upstream: str, *, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[FaultProxy]:
    """Run a proxy in front of the endpoint `upstream` until the end of the block, perhaps behind TLS."""
    proxy = FaultProxy(upstream, tls, port)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.released.set()
        proxy.shutdown()
        thread.join()
        proxy.server_close()
