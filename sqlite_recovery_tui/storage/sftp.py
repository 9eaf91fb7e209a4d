"""Replicas behind SFTP: the directory of a server, asked the way a bucket is asked."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.storage.base import StoreKind
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.raw import BadKey, Raw
from sqlite_recovery_tui.storage.retry import Failure, Retry
from sqlite_recovery_tui.storage.sftp_raw import SftpRaw
from sqlite_recovery_tui.storage.sites import explain_common
from sqlite_recovery_tui.storage.ssh import KNOWN_HOSTS, Connection, UnknownHost
from sqlite_recovery_tui.storage.symptoms import of_paramiko
from sqlite_recovery_tui.storage.timeouts import PATIENT, Timeouts
from sqlite_recovery_tui.storage.translate import bad_key, missing_root, of_os, of_symptom, unknown_host


def sftp_store(
    replica: ReplicaConfig,
    *,
    retry: Retry,
    timeouts: Timeouts = PATIENT,
    known_hosts: Sequence[Path] = KNOWN_HOSTS,
) -> ObjectStore:
    """Return the store of an SFTP replica; nothing is connected yet."""
    if find_spec("paramiko") is None:
        raise StorageError(
            f"cannot open {replica.url}: SFTP needs paramiko, which is not installed",
            hint="pip install 'sqlite-recovery-tui[sftp]'",
        )
    site = SftpSite(replica, Connection(replica, timeouts, known_hosts))
    return ObjectStore(site, root="", url=replica.url, retry=retry)


class SftpSite:
    """One directory of one server."""

    kind: StoreKind = "sftp"
    ranges = True
    lists_written_times = True

    def __init__(self, replica: ReplicaConfig, connection: Connection) -> None:
        """Make requests over `connection`."""
        self._replica = replica
        self._connection = connection
        self._raw = SftpRaw(connection, replica.path)

    def raw(self) -> Raw:
        """Return requests through paramiko."""
        return self._raw

    def raw_for_odd_keys(self) -> Raw:
        """Return the same: it checks each key itself."""
        return self._raw

    def explain(self, error: Exception, operation: str) -> Failure:
        """Return what an exception means."""
        if common := explain_common(error, self.kind):
            return common
        if isinstance(error, BadKey):
            return bad_key("file")
        if isinstance(error, UnknownHost):
            return unknown_host(str(error), self._replica.host or "", self._replica.port)
        if isinstance(error, FileNotFoundError) and operation == "list":
            return missing_root("the directory")
        if symptom := of_paramiko(error):
            return of_symptom(symptom, operation, self.kind)
        return of_os(error if isinstance(error, OSError) else OSError(str(error)))

    def doubt_emptiness(self) -> None:
        """Trust the server."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
