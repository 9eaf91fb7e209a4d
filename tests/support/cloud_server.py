"""A bucket of Google's (XML API) or a container of Azure's (Blob service), in memory, on the loopback.

Only what a client needs that puts, puts in parts, puts if absent, reads, lists and deletes; conditions are
kept as the services keep them. Signatures are not checked.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Dialect = Literal["gs", "abs"]
_PAGE = 50


@dataclass
class Blob:
    """One object."""

    data: bytes
    time: datetime
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


class CloudServer:
    """The service: its objects by key, and what is refused."""

    def __init__(self, dialect: Dialect, bucket: str) -> None:
        self.dialect, self.bucket = dialect, bucket
        self.objects: dict[str, Blob] = {}
        self.obeys_conditions = True
        self._refused: list[tuple[str, str, int, str]] = []
        self.lock = threading.Lock()
        self.parts: dict[str, dict[str, bytes]] = {}
        handler = type("Handler", (_Handler,), {"cloud": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def refuse(self, status: int, code: str, *what: tuple[str, str]) -> None:
        """Answer so from now on where the method is one of these and its part occurs in the target."""
        self._refused += [(method, part, status, code) for method, part in what]

    def refusal(self, method: str, target: str) -> tuple[int, str] | None:
        """Return what is answered in place of what was asked for."""
        found = [
            (status, code) for one, part, status, code in self._refused if one == method and part in target
        ]
        return found[0] if found else None

    def stored(self) -> list[str]:
        with self.lock:
            return sorted(self.objects)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def cloud_server(dialect: Dialect, bucket: str = "backups") -> Iterator[CloudServer]:
    """Run one until the end of the block."""
    server = CloudServer(dialect, bucket)
    try:
        yield server
    finally:
        server.close()


class _Handler(BaseHTTPRequestHandler):
    cloud: CloudServer
    protocol_version = "HTTP/1.1"

    def _act(self) -> None:
        parts = urlsplit(self.path)
        self.query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.body = self._body()
        bucket, _, self.key = unquote(parts.path).lstrip("/").partition("/")
        refused = self.cloud.refusal(self.command, unquote(self.path))
        if refused:
            self._error(*refused)
        elif bucket and bucket != self.cloud.bucket:
            self._error(404, "NoSuchBucket" if self.cloud.dialect == "gs" else "ContainerNotFound")
        else:
            with self.cloud.lock:
                self._answer()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _act

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _answer(self) -> None:
        if self.command in ("GET", "HEAD"):
            self._read() if self.key else self._list()
        elif self.command == "DELETE":
            gone = self.cloud.objects.pop(self.key, None)
            self._send(202 if self.cloud.dialect == "abs" else 204) if gone else self._missing()
        elif self.query.get("comp") == "batch":
            self._delete_many()
        elif self.command == "POST":
            self._begin_parts() if "uploads" in self.query else self._join_parts()
        elif "partNumber" in self.query or self.query.get("comp") == "block":
            self._keep_part()
        elif self.query.get("comp") == "blocklist":
            self._join_blocks()
        else:
            self._put(self.body)

    # ── one object ──

    def _put(self, data: bytes) -> None:
        taken = self.key in self.cloud.objects and self.cloud.obeys_conditions
        if taken and self.headers.get("x-goog-if-generation-match") == "0":
            self._error(412, "PreconditionFailed")
            return
        if taken and self.headers.get("If-None-Match") == "*":
            self._error(409, "BlobAlreadyExists")
            return
        kept = {k: v for k, v in self.headers.items() if k.lower().startswith(("x-goog-meta-", "x-ms-meta-"))}
        blob = Blob(data, datetime.now(UTC), kept)
        self.cloud.objects[self.key] = blob
        self._send(201 if self.cloud.dialect == "abs" else 200, headers=_headers(blob))

    def _read(self) -> None:
        blob = self.cloud.objects.get(self.key)
        if blob is None:
            self._missing()
            return
        data, status, headers = blob.data, 200, _headers(blob)
        wanted = re.fullmatch(
            r"bytes=(\d*)-(\d*)", self.headers.get("Range") or self.headers.get("x-ms-range") or ""
        )
        if wanted:
            size = len(data)
            start = int(wanted[1]) if wanted[1] else size - int(wanted[2])
            end = min(int(wanted[2]) if wanted[1] and wanted[2] else size - 1, size - 1)
            if start > end:
                self._error(416, "InvalidRange")
                return
            data, status = data[start : end + 1], 206
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self._send(status, data, headers)

    # ── parts ──

    def _begin_parts(self) -> None:
        upload = f"upload{len(self.cloud.parts)}"
        self.cloud.parts[upload] = {}
        body = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        self._send(200, body.encode())

    def _keep_part(self) -> None:
        upload, number = self.query.get("uploadId", self.key), self.query.get("partNumber")
        self.cloud.parts.setdefault(upload, {})[number or self.query["blockid"]] = self.body
        self._send(200 if number else 201, headers=_headers(Blob(self.body, datetime.now(UTC))))

    def _join_parts(self) -> None:
        parts = self.cloud.parts.pop(self.query["uploadId"])
        numbers = re.findall(rb"<PartNumber>(\d+)</PartNumber>", self.body)
        blob = Blob(b"".join(parts[number.decode()] for number in numbers), datetime.now(UTC))
        self.cloud.objects[self.key] = blob
        result = (
            f"<CompleteMultipartUploadResult><ETag>{escape(blob.etag)}</ETag></CompleteMultipartUploadResult>"
        )
        self._send(200, result.encode())

    def _join_blocks(self) -> None:
        parts = self.cloud.parts.pop(self.key)
        names = re.findall(rb"<(?:Uncommitted|Latest)>([^<]+)<", self.body)
        self._put(b"".join(parts[name.decode()] for name in names))

    # ── many objects ──

    def _list(self) -> None:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        after = self.query.get("continuation-token") or self.query.get("marker") or ""
        found: dict[str, Blob | None] = {}
        for key in sorted(self.cloud.objects):
            if key.startswith(prefix):
                head, sign, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
                found[prefix + head + sign if sign else key] = None if sign else self.cloud.objects[key]
        names = [name for name in found if name > after]
        page, rest = names[:_PAGE], names[_PAGE:]
        write = _google_listing if self.cloud.dialect == "gs" else _azure_listing
        self._send(200, write([(name, found[name]) for name in page], page[-1] if rest else "").encode())

    def _delete_many(self) -> None:
        boundary = "batchresponse_1"
        lines = []
        for number, found in enumerate(re.findall(rb"DELETE (\S+) HTTP", self.body)):
            key = unquote(urlsplit(found.decode()).path).lstrip("/").partition("/")[2]
            status = "202 Accepted" if self.cloud.objects.pop(key, None) else "404 The blob does not exist."
            lines += [f"--{boundary}", "Content-Type: application/http", f"Content-ID: {number}", ""]
            lines += [f"HTTP/1.1 {status}", "x-ms-request-id: 1", "Content-Length: 0", "", ""]
        body = "\r\n".join([*lines, f"--{boundary}--", ""]).encode()
        self._send(202, body, {"Content-Type": f"multipart/mixed; boundary={boundary}"})

    # ── answers ──

    def _missing(self) -> None:
        self._error(404, "NoSuchKey" if self.cloud.dialect == "gs" else "BlobNotFound")

    def _error(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self._send(status, body, {"x-ms-error-code": code})

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _headers(blob: Blob) -> dict[str, str]:
    digest = hashlib.md5(blob.data, usedforsecurity=False).digest()
    return {
        "ETag": blob.etag,
        "Last-Modified": format_datetime(blob.time, usegmt=True),
        "Content-MD5": base64.b64encode(digest).decode(),
        "x-goog-generation": "1",
        **blob.headers,
    }


def _google_listing(found: list[tuple[str, Blob | None]], following: str) -> str:
    rows = [
        f"<Contents><Key>{escape(key)}</Key><LastModified>{blob.time:%Y-%m-%dT%H:%M:%S.%fZ}</LastModified>"
        f"<ETag>{escape(blob.etag)}</ETag><Size>{len(blob.data)}</Size></Contents>"
        if blob
        else f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
        for key, blob in found
    ]
    more = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if following else ""
    return f"<ListBucketResult>{''.join(rows)}{more}</ListBucketResult>"


def _azure_listing(found: list[tuple[str, Blob | None]], following: str) -> str:
    rows = [
        f"<Blob><Name>{escape(key)}</Name><Properties>"
        f"<Last-Modified>{format_datetime(blob.time, usegmt=True)}</Last-Modified>"
        f"<Etag>{escape(blob.etag)}</Etag><Content-Length>{len(blob.data)}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type></Properties></Blob>"
        if blob
        else f"<BlobPrefix><Name>{escape(key)}</Name></BlobPrefix>"
        for key, blob in found
    ]
    marker = f"<NextMarker>{escape(following)}</NextMarker>"
    return f"<EnumerationResults><Blobs>{''.join(rows)}</Blobs>{marker}</EnumerationResults>"
