"""Where objects live: the service behind a replica, its clients, and what its failures mean."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.config.secret import forget_locals
from sqlite_recovery_tui.storage.base import StoreKind
from sqlite_recovery_tui.storage.raw import NoAccount, Raw, TooShort
from sqlite_recovery_tui.storage.raw_obstore import ObstoreRaw
from sqlite_recovery_tui.storage.retry import Failure
from sqlite_recovery_tui.storage.symptoms import of_obstore
from sqlite_recovery_tui.storage.timeouts import PATIENT, Timeouts
from sqlite_recovery_tui.storage.translate import no_credentials, of_symptom, short_body

if TYPE_CHECKING:
    from obstore.store import AzureConfig, AzureStore, ClientConfig, GCSStore, RetryConfig

_WHOLE_REQUEST = timedelta(hours=12)
"""A large object may take long; what must not is the wait between two pieces of it."""


class Site(Protocol):
    """One bucket of one service."""

    @property
    def kind(self) -> StoreKind:
        """Which service."""
        ...

    @property
    def ranges(self) -> bool | None:
        """Whether the service is known to answer ranges, None: not known before it is asked."""
        ...

    @property
    def lists_written_times(self) -> bool:
        """Whether the times of a listing are the writer's own."""
        ...

    def raw(self) -> Raw:
        """Return the way to make requests that is used for most keys."""
        ...

    def raw_for_odd_keys(self) -> Raw | None:
        """Return a way that carries every key, if there is one."""
        ...

    def explain(self, error: Exception, operation: str) -> Failure:
        """Return what an exception of one of the ways means; may repair what can be repaired."""
        ...

    def doubt_emptiness(self) -> Failure | None:
        """Return what is wrong if an empty listing may be no listing at all."""
        ...

    def close(self) -> None:
        """Let go of the clients."""
        ...


def site_of(
    replica: ReplicaConfig,
    *,
    clock: Clock = SYSTEM,
    timeouts: Timeouts = PATIENT,
    environ: Mapping[str, str] = os.environ,
) -> Site:
    """Return the site of a replica of type s3, gs or abs; nothing is connected yet."""
    if replica.type == "s3":
        from sqlite_recovery_tui.storage.s3 import S3Site

        return S3Site(replica, clock=clock, timeouts=timeouts, environ=environ)
    return CloudSite(replica, timeouts=timeouts)


class CloudSite:
    """Google Cloud Storage or Azure Blob Storage; credentials as obstore finds them."""

    ranges = True
    lists_written_times = False

    def __init__(self, replica: ReplicaConfig, *, timeouts: Timeouts = PATIENT) -> None:
        """Keep the configuration until the first request."""
        self.kind: StoreKind = replica.type
        self._replica = replica
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._client: Any = None

    def raw(self) -> Raw:
        """Return requests through obstore."""
        return ObstoreRaw(self.client)

    def raw_for_odd_keys(self) -> None:
        """Return nothing: obstore is the only way."""

    def client(self) -> GCSStore | AzureStore:
        """Return the client, made on first use; raise NoAccount."""
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
            return self._client  # type: ignore[no-any-return]

    def _new_client(self) -> GCSStore | AzureStore:
        from obstore.exceptions import BaseError

        make = google_client if self.kind == "gs" else azure_client
        try:
            return make(self._replica, self._timeouts)
        except (BaseError, ValueError) as error:
            forget_locals(error)
            raise NoAccount(str(error).partition("\n")[0]) from error

    def explain(self, error: Exception, operation: str) -> Failure:
        """Return what an exception means."""
        return explain_common(error, self.kind) or of_symptom(of_obstore(error), operation, self.kind)

    def doubt_emptiness(self) -> None:
        """Trust the service."""

    def close(self) -> None:
        """Let go of the client."""
        self._client = None


def explain_common(error: Exception, kind: StoreKind) -> Failure | None:
    """Return what one of our own exceptions means, None for those of a library."""
    if isinstance(error, TooShort):
        return short_body(error.wanted, error.got, again="soon")
    if isinstance(error, NoAccount):
        return no_credentials(kind, str(error))
    return None


def google_client(replica: ReplicaConfig, timeouts: Timeouts) -> GCSStore:
    """Return a client with Google's default credentials."""
    from obstore.store import GCSStore

    return GCSStore(
        replica.bucket,
        config={"base_url": replica.endpoint} if replica.endpoint else {},
        client_options=client_options(replica, timeouts),
        retry_config=no_retries(),
    )


def azure_client(replica: ReplicaConfig, timeouts: Timeouts) -> AzureStore:
    """Return a client with the account's key or token, or what the environment has."""
    from obstore.store import AzureStore

    config: AzureConfig = {}
    if replica.account_name:
        config["account_name"] = replica.account_name
    if replica.account_key:
        config["account_key"] = replica.account_key.reveal()
    if replica.sas_token:
        config["sas_key"] = replica.sas_token.reveal()
    if replica.endpoint:
        config["endpoint"] = replica.endpoint
    return AzureStore(
        replica.bucket,
        config=config,
        client_options=client_options(replica, timeouts),
        retry_config=no_retries(),
    )


def client_options(replica: ReplicaConfig, timeouts: Timeouts, endpoint: str | None = None) -> ClientConfig:
    """Return obstore's options: plain http only for an endpoint that says so."""
    return {
        "allow_http": (endpoint or replica.endpoint or "").startswith("http://"),
        "allow_invalid_certificates": replica.skip_verify,
        "connect_timeout": timedelta(seconds=timeouts.connect_seconds),
        "read_timeout": timedelta(seconds=timeouts.read_seconds),
        "timeout": _WHOLE_REQUEST,
        "user_agent": "sqlrecover",
    }


def no_retries() -> RetryConfig:
    """Return the setting that leaves retries to us: on our clock, counted, logged."""
    return {"max_retries": 0, "retry_timeout": timedelta(minutes=3)}
