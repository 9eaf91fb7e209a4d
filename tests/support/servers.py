"""Real storage servers as processes of their own: S3 by moto, S3 and SFTP by rclone.

Each is a context manager that returns once the server answers on a free port of the loopback, and
stops it at the end.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

REGION = "us-east-1"
_START_SECONDS = 30.0
_CONTROL = r"remote control on (http://[^/]+)"
_SIGNED = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0"
"""moto does not check it, but lets nobody without one write over an object."""
_TREE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class S3Server:
    """An S3 endpoint that a test may fill; `directory` is what rclone serves (None for moto)."""

    kind: Literal["moto", "rclone"]
    endpoint: str
    access_key: str
    secret_key: str
    directory: Path | None = None
    region: str = REGION
    control: str = ""
    """Where rclone takes orders."""

    def refresh(self) -> None:
        """Make rclone see what was changed in its directory behind its back."""
        if self.control:
            _request(self.control, "POST", "/vfs/refresh?recursive=true")

    def make_bucket(self, name: str) -> str:
        """Make a bucket unless it is there; return its name."""
        if self.directory is not None:
            (self.directory / name).mkdir(exist_ok=True)
            self.refresh()
        else:
            _request(self.endpoint, "PUT", f"/{quote(name)}")
        return name

    def put(self, bucket: str, key: str, data: bytes, *, mtime: float | None = None) -> None:
        """Store an object behind the store's back, with the time it shall have been written."""
        if self.directory is not None:
            _write(self.directory / bucket / key, data, mtime)
            self.refresh()
            return
        headers = {"Authorization": _SIGNED}
        if mtime is not None:
            headers["x-amz-meta-mtime"] = repr(mtime)
        _request(self.endpoint, "PUT", f"/{quote(bucket)}/{quote(key)}", data, headers)

    def set_time(self, bucket: str, key: str, mtime: float) -> None:
        """Give an object that is there already another time."""
        if self.directory is not None:
            _touch(self.directory / bucket / key, mtime)
            self.refresh()
            return
        query = urlencode({"bucket": bucket, "key": key, "time": repr(mtime)})
        _request(self.endpoint, "GET", f"/_control/time?{query}")

    @property
    def environ(self) -> dict[str, str]:
        """Variables that make AWS clients (Litestream too) use this server's keys."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True)
class SftpServer:
    """An SFTP endpoint that serves `directory`; `known_host` is its line of a known_hosts file."""

    host: str
    port: int
    user: str
    password: str
    directory: Path
    known_host: str
    control: str = ""

    def make_directory(self, name: str) -> Path:
        """Make a directory below the served one."""
        made = self.directory / name
        made.mkdir()
        _request(self.control, "POST", "/vfs/refresh?recursive=true")
        return made


def upload_tree(server: S3Server, bucket: str, prefix: str, directory: Path) -> None:
    """Store every file below `directory` under `prefix`, keeping its modification time.

    moto lists microseconds then, rclone milliseconds. `prefix` ends in "/" or is empty.
    """
    if server.directory is not None:
        shutil.copytree(directory, server.directory / bucket / prefix, dirs_exist_ok=True)
        server.refresh()
        return
    query = urlencode({"bucket": bucket, "prefix": prefix, "directory": str(directory.resolve())})
    _request(server.endpoint, "GET", f"/_control/load?{query}")


@contextmanager
def moto_s3(*, whole_seconds: bool = False) -> Iterator[S3Server]:
    """Run moto; `whole_seconds` lists times as AWS does, else to the microsecond."""
    command = [sys.executable, "-m", "tests.support.moto_process"]
    if whole_seconds:
        command.append("--whole-seconds")
    with _running(command, r"^(\d+)$") as (port,):
        yield S3Server("moto", f"http://127.0.0.1:{port}", "test-key", "test-secret")


@contextmanager
def rclone_s3(directory: Path, *, options: Sequence[str] = ()) -> Iterator[S3Server]:
    """Run `rclone serve s3` on `directory`: its folders are the buckets, file times the object times.

    Signatures are checked. Call `refresh` after changing the directory yourself.
    """
    key, secret = "rclone-key", "rclone-secret"
    command = [*_rclone("s3", directory), "--auth-key", f"{key},{secret}", *options]
    patterns = (r"Starting s3 server on \[(http://[^\]/]+)", _CONTROL)
    with _running(command, *patterns) as (endpoint, control):
        yield S3Server("rclone", endpoint, key, secret, directory, control=control)


@contextmanager
def rclone_sftp(directory: Path, *, keys: Path, options: Sequence[str] = ()) -> Iterator[SftpServer]:
    """Run `rclone serve sftp` on `directory`, with a new host key kept in the folder `keys`."""
    import paramiko

    host_key = paramiko.ECDSAKey.generate()
    key_file = keys / "host_key"
    host_key.write_private_key_file(str(key_file))
    command = [*_rclone("sftp", directory), "--user", "tester", "--pass", "pass word", "--key", str(key_file)]
    command += options
    patterns = (r"listening on 127\.0\.0\.1:(\d+)", _CONTROL)
    with _running(command, *patterns) as (port, control):
        known = f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}"
        yield SftpServer("127.0.0.1", int(port), "tester", "pass word", directory, known, control)


def _rclone(protocol: str, directory: Path) -> list[str]:
    beside = str(Path(sys.executable).parent)
    program = shutil.which("rclone", path=beside) or shutil.which("rclone")
    if program is None:
        raise RuntimeError("rclone is missing: install the dev extra")
    settings = ["--config", "", "--poll-interval", "0", "--rc", "--rc-no-auth", "--rc-addr", "127.0.0.1:0"]
    return [program, "serve", protocol, "--addr", "127.0.0.1:0", *settings, str(directory)]


@contextmanager
def _running(command: Sequence[str], *ready: str) -> Iterator[list[str]]:
    """Run a server until the end of the block; return what the groups in `ready` matched in its output."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=_TREE,
    )
    output = _Output(process, ready)
    try:
        yield output.wait_ready()
    finally:
        process.terminate()
        process.wait()
        output.close()


class _Output(threading.Thread):
    """Reads a process's output for as long as it runs, so that it never blocks on a full pipe."""

    def __init__(self, process: subprocess.Popen[str], ready: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._wanted = ready
        self._found: dict[str, str] = {}
        self._settled = threading.Event()
        self._last: deque[str] = deque(maxlen=50)
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._last.append(line)
            if not self._settled.is_set():
                self._look_at(line.rstrip("\n"))
        self._settled.set()

    def _look_at(self, line: str) -> None:
        for pattern in self._wanted:
            if match := re.search(pattern, line):
                self._found[pattern] = match[1]
        if len(self._found) == len(self._wanted):
            self._settled.set()

    def wait_ready(self) -> list[str]:
        self._settled.wait(_START_SECONDS)
        if len(self._found) < len(self._wanted):
            raise RuntimeError(f"the server did not start: {''.join(self._last)}")
        return [self._found[pattern] for pattern in self._wanted]

    def close(self) -> None:
        self.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _request(
    endpoint: str,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {target}: {answer.status} {text[:500]!r}")
    finally:
        connection.close()


def _write(file: Path, data: bytes, mtime: float | None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    if mtime is not None:
        _touch(file, mtime)


def _touch(file: Path, mtime: float) -> None:
    os.utime(file, (mtime, mtime))
