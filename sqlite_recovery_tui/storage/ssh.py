"""SSH connections for SFTP: who the server must be, who we are, and channels that threads share.

A server must prove to be the one in `host-key` or in a known_hosts file. Litestream v0.3 sends its
password to whoever answers; here that takes `skip-verify: true`.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.storage.raw import NoAccount
from sqlite_recovery_tui.storage.symptoms import of_paramiko
from sqlite_recovery_tui.storage.timeouts import Timeouts

if TYPE_CHECKING:
    import paramiko

    from sqlite_recovery_tui.config import ReplicaConfig

KNOWN_HOSTS = (Path("~/.ssh/known_hosts"), Path("/etc/ssh/ssh_known_hosts"))
_CHANNELS = 8


class UnknownHost(Exception):
    """The server's key is in no known_hosts file."""


class Connection:
    """One SSH connection with up to eight SFTP channels, opened when needed and again after a break."""

    def __init__(
        self, replica: ReplicaConfig, timeouts: Timeouts, known_hosts: Sequence[Path] = KNOWN_HOSTS
    ) -> None:
        """Connect on first use."""
        self._replica = replica
        self._timeouts = timeouts
        self._known_hosts = known_hosts
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_CHANNELS)
        self._client: paramiko.SSHClient | None = None
        self._idle: list[paramiko.SFTPClient] = []

    @contextmanager
    def channel(self) -> Iterator[paramiko.SFTPClient]:
        """Lend a channel to one thread; what met an error, channel or connection, is not lent again."""
        with self._places:
            client = self._connected()
            try:
                channel = self._take(client)
            except BaseException:
                self._drop(client)
                raise
            try:
                yield channel
            except BaseException as error:
                channel.close()
                if of_paramiko(error) is not None:
                    self._drop(client)
                raise
            self._give_back(client, channel)

    def close(self) -> None:
        """Close the connection; the next channel opens another."""
        if self._client is not None:
            self._drop(self._client)

    def _connected(self) -> paramiko.SSHClient:
        with self._lock:
            transport = self._client.get_transport() if self._client is not None else None
            if self._client is None or transport is None or not transport.is_active():
                self._idle.clear()
                self._client = self._connect()
            return self._client

    def _take(self, client: paramiko.SSHClient) -> paramiko.SFTPClient:
        with self._lock:
            if self._idle and client is self._client:
                return self._idle.pop()
        channel = client.open_sftp()
        found = channel.get_channel()
        if found is not None:
            found.settimeout(self._timeouts.read_seconds)
        return channel

    def _give_back(self, client: paramiko.SSHClient, channel: paramiko.SFTPClient) -> None:
        with self._lock:
            if client is self._client:
                self._idle.append(channel)
                return
        channel.close()

    def _drop(self, client: paramiko.SSHClient) -> None:
        """Close a connection and forget it, unless another thread has opened a new one already."""
        with self._lock:
            if client is self._client:
                self._client = None
                self._idle.clear()
        client.close()

    def _connect(self) -> paramiko.SSHClient:
        import paramiko

        # paramiko writes tracebacks of refused logins to stderr where nobody listens
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        replica = self._replica
        host = replica.host or ""
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_policy(replica))
        self._trust(client, host if replica.port == 22 else f"[{host}]:{replica.port}")
        given = bool(replica.password or replica.key_path)
        try:
            client.connect(
                host,
                port=replica.port,
                username=replica.user,
                password=replica.password.reveal() if replica.password else None,
                key_filename=_readable_key(replica.key_path),
                timeout=self._timeouts.connect_seconds,
                banner_timeout=self._timeouts.connect_seconds,
                auth_timeout=self._timeouts.read_seconds,
                allow_agent=not given,
                look_for_keys=not given,
            )
        except BaseException:
            client.close()
            raise
        return client

    def _trust(self, client: paramiko.SSHClient, name: str) -> None:
        """Tell the client which host keys are known."""
        import paramiko

        if self._replica.skip_verify:
            return
        if self._replica.host_key:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {self._replica.host_key}")
            if entry is None or entry.key is None:
                raise UnknownHost("the configured host-key is not a public key such as ssh-ed25519 AAAA…")
            client.get_host_keys().add(name, entry.key.get_name(), entry.key)
            return
        for file in self._known_hosts:
            if file.expanduser().is_file():
                client.load_host_keys(str(file.expanduser()))


def _readable_key(path: str | None) -> str | None:
    """Return the path of a key that can be read; raise NoAccount where paramiko would miss a file."""
    if not path:
        return None
    file = Path(path).expanduser()
    try:
        file.open("rb").close()
    except OSError as error:
        raise NoAccount(f"key-path {path}: {(error.strerror or str(error)).lower()}") from error
    return str(file)


def _policy(replica: ReplicaConfig) -> paramiko.MissingHostKeyPolicy:
    import paramiko

    class Policy(paramiko.MissingHostKeyPolicy):
        """Accept an unknown server only where the configuration says so."""

        def missing_host_key(
            self,
            client: paramiko.SSHClient,  # noqa: ARG002
            hostname: str,  # noqa: ARG002
            key: paramiko.PKey,
        ) -> None:
            if not replica.skip_verify:
                raise UnknownHost(f"the server's key {key.get_name()} {_fingerprint(key)} is not known")

    return Policy()


def _fingerprint(key: paramiko.PKey) -> str:
    """Return the fingerprint as ssh shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
