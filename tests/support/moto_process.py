"""An S3 server of our own around moto: keeps the times that a test gives its objects.

Run as a process; prints the port it took as its first line and serves until stdin is closed. An object
put with the header `x-amz-meta-mtime` (seconds since the epoch, with a fraction) is listed with that
time. `GET /_control/time?bucket=B&key=K&time=T` sets the time of an object that is there already,
`GET /_control/load?bucket=B&prefix=P&directory=D` stores a directory of this machine, mtimes kept.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.serialize import TimestampSerializer
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3 import s3_backends
from moto.s3.models import FakeKey
from werkzeug.serving import make_server

HEADER = "x-amz-meta-mtime"
_MICROSECONDS = "%Y-%m-%dT%H:%M:%S.%fZ"
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def keep_given_times(*, whole_seconds: bool) -> None:
    """Make moto's keys report the time in their metadata, to the microsecond unless `whole_seconds`."""

    def get(key: FakeKey) -> datetime:
        given = key.metadata.get(HEADER) if "_metadata" in vars(key) else None
        return datetime.fromtimestamp(float(given), UTC) if given else vars(key)["_written"]

    def set_(key: FakeKey, value: datetime) -> None:
        vars(key)["_written"] = value

    def iso(key: FakeKey) -> str:
        return key.last_modified.strftime(_MICROSECONDS)

    FakeKey.last_modified = property(get, set_)  # type: ignore[assignment]
    if not whole_seconds:
        TimestampSerializer.ISO8601_MICRO_ZEROED = _MICROSECONDS
        FakeKey.last_modified_ISO8601 = property(iso)  # type: ignore[assignment, method-assign]


class Handler(MotoRequestHandler):
    """Answers without Nagle's delay and without a log line per request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *args: object) -> None:
        """Say nothing."""


class Application:
    """moto, and our control requests in front of it."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._control = {"/_control/time": set_time, "/_control/load": load}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        act = self._control.get(environ["PATH_INFO"])
        if act is None:
            return self._moto(environ, start_response)
        act(**{name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()})
        start_response("204 No Content", [("Content-Length", "0")])
        return []


def set_time(*, bucket: str, key: str, time: str) -> None:
    """Give an object that is there already another time."""
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys[key].metadata[HEADER] = time


def load(*, bucket: str, directory: str, prefix: str = "") -> None:
    """Store every file of a local directory under `prefix`, with its own time."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    root = Path(directory)
    for file in sorted(root.rglob("*")):
        if file.is_file():
            key = backend.put_object(bucket, prefix + file.relative_to(root).as_posix(), file.read_bytes())
            key.metadata[HEADER] = repr(file.stat().st_mtime)


def main() -> None:
    """Serve on a free port of the loopback until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--whole-seconds", action="store_true", help="list times as AWS does")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    keep_given_times(whole_seconds=options.whole_seconds)
    server = make_server("127.0.0.1", 0, Application(), threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
