"""A bucket of S3, or of a service that speaks like it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.config.secret import forget_locals
from sqlite_recovery_tui.errors import AccessDenied, ClockSkew, WrongRegion
from sqlite_recovery_tui.storage.account import Account, keep_quiet
from sqlite_recovery_tui.storage.address import address_of, is_arn
from sqlite_recovery_tui.storage.base import StoreKind
from sqlite_recovery_tui.storage.customer_key import customer_key, customer_key_headers
from sqlite_recovery_tui.storage.raw import Raw
from sqlite_recovery_tui.storage.raw_obstore import ObstoreRaw
from sqlite_recovery_tui.storage.retry import Failure
from sqlite_recovery_tui.storage.signed import Refused, Signature, SignedClient, trusted_certificates
from sqlite_recovery_tui.storage.sites import client_options, explain_common, no_retries
from sqlite_recovery_tui.storage.symptoms import Symptom, of_botocore, of_obstore
from sqlite_recovery_tui.storage.timeouts import PATIENT, Timeouts
from sqlite_recovery_tui.storage.translate import ENDED, NO_S3, clock_skew, of_symptom, wrong_region

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

    from sqlite_recovery_tui.storage.probe import Probe


class S3Site:
    """One bucket: its clients, and a region that is corrected once when it was only a guess."""

    kind: StoreKind = "s3"
    lists_written_times = False

    def __init__(
        self,
        replica: ReplicaConfig,
        *,
        clock: Clock = SYSTEM,
        timeouts: Timeouts = PATIENT,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Keep the configuration until the first request."""
        self._replica = replica
        self._clock = clock
        self._timeouts = timeouts
        self._environ = environ
        self._account = Account(replica, environ)
        named = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
        self._custom_endpoint = replica.endpoint or named
        self._region = self._account.region
        self._lock = threading.Lock()
        self._client: S3Store | None = None
        self._signed: SignedClient | None = None
        self._corrected = self._emptiness_checked = False

    @property
    def ranges(self) -> bool | None:
        """AWS answers ranges; others have to show it."""
        return None if self._custom_endpoint else True

    @property
    def region(self) -> str:
        """The region in use."""
        return self._region

    def raw(self) -> Raw:
        """Return requests through obstore, except to access points, which it cannot address."""
        if is_arn(self._replica.bucket):
            return self.raw_for_odd_keys()
        return ObstoreRaw(self.client)

    def raw_for_odd_keys(self) -> Raw:
        """Return requests that take every key as it is."""
        from sqlite_recovery_tui.storage.raw_signed import SignedRaw

        return SignedRaw(self.signed_client)

    def client(self) -> S3Store:
        """Return obstore's client, made on first use; raise NoAccount."""
        with self._lock:
            if self._client is None:
                if not self._account.anonymous:
                    self._account.credentials()
                try:
                    self._client = self._new_client()
                except Exception as error:
                    forget_locals(error)
                    raise
            return self._client

    def signed_client(self) -> SignedClient:
        """Return the client for odd keys, made on first use; raise NoAccount."""
        with self._lock:
            if self._signed is None:
                self._signed = self._new_signed_client()
            return self._signed

    def explain(self, error: Exception, operation: str) -> Failure:
        """Return what an exception means; a guessed region and ended credentials are put right once."""
        if common := explain_common(error, self.kind):
            return common
        symptom = _symptom(error)
        failure = of_symptom(symptom, operation, self.kind)
        if failure.kind is ClockSkew:
            return self._clock_skew(symptom)
        if failure.kind is WrongRegion:
            return self._wrong_region(symptom.region or self._region_of_bucket())
        if failure.kind is AccessDenied:
            return self._denied(symptom, failure)
        return failure

    def doubt_emptiness(self) -> Failure | None:
        """Ask once what it is that lists nothing: a web page is read as an empty listing too."""
        if self._custom_endpoint is None or self._emptiness_checked:
            return None
        self._emptiness_checked = True
        answer = self._probe("?list-type=2&max-keys=1", method="GET")
        if answer is None or not answer.is_html:
            return None
        return NO_S3

    def close(self) -> None:
        """Let go of the clients."""
        with self._lock:
            signed, self._signed = self._signed, None
            self._client = None
        if signed is not None:
            signed.close()

    @property
    def _path_style(self) -> bool:
        forced = self._replica.force_path_style
        if forced is not None:
            return forced
        return self._custom_endpoint is not None or "." in self._replica.bucket

    @property
    def _endpoint(self) -> str | None:
        """The endpoint without the bucket; None is AWS's own for the region."""
        if self._custom_endpoint is None and self._region.startswith("cn-"):
            return f"https://s3.{self._region}.amazonaws.com.cn"
        return self._custom_endpoint

    def _new_client(self) -> S3Store:
        from obstore.store import S3Store

        config: S3Config = {
            "region": self._region,
            "virtual_hosted_style_request": not self._path_style,
            "skip_signature": self._account.anonymous,
            **customer_key(self._replica),
        }
        if self._replica.sign_payload is False:
            config["unsigned_payload"] = True
        if endpoint := self._endpoint:
            # both, because the second would be taken from the environment and win
            config["endpoint"] = config["aws_endpoint_url_s3"] = self._with_bucket(endpoint)
        return S3Store(
            self._replica.bucket,
            config=config,
            client_options=client_options(self._replica, self._timeouts, self._endpoint),
            retry_config=no_retries(),
            credential_provider=None if self._account.anonymous else self._account.credentials,
        )

    def _new_signed_client(self) -> SignedClient:
        address = address_of(self._replica.bucket, self._region, self._endpoint, path_style=self._path_style)
        signature = Signature(
            None if self._account.anonymous else self._account.credentials,
            address.region,
            address.service,
            payload=self._replica.sign_payload is not False,
        )
        keep_quiet(insecure=self._replica.skip_verify)
        verify = not self._replica.skip_verify and trusted_certificates(self._environ)
        return SignedClient(
            address.url,
            signature,
            timeouts=self._timeouts,
            verify=verify,
            object_headers=customer_key_headers(self._replica),
        )

    def _with_bucket(self, endpoint: str) -> str:
        """Return the endpoint as obstore wants it: with the bucket's name in front unless in the path."""
        if self._path_style:
            return endpoint
        parts = urlsplit(endpoint)
        return parts._replace(netloc=f"{self._replica.bucket}.{parts.netloc}").geturl()

    def _clock_skew(self, symptom: Symptom) -> Failure:
        server = _s3_time(symptom.server_time)
        if server is None:
            answer = self._probe("")
            server = answer.time if answer else None
        return clock_skew(self._clock.now() - server if server else None)

    def _wrong_region(self, region: str) -> Failure:
        if not region or not self._account.region_is_a_guess or self._corrected or region == self._region:
            return wrong_region(region)
        with self._lock:
            self._region = region
            self._client = self._signed = None
            self._corrected = True
        return Failure(WrongRegion, f"the bucket is in region {region}", again="soon")

    def _denied(self, symptom: Symptom, failure: Failure) -> Failure:
        if symptom.code in ENDED and self._account.renew():
            with self._lock:
                self._client = self._signed = None
            return Failure(AccessDenied, failure.reason, failure.hint, "soon")
        if not self._account.region_is_a_guess or self._corrected:
            return failure
        # S3 sends young buckets' requests on to their region, where the signature does not count
        region = self._region_of_bucket()
        return self._wrong_region(region) if region and region != self._region else failure

    def _region_of_bucket(self) -> str:
        answer = self._probe("")
        return answer.region if answer else ""

    def _probe(self, query: str, *, method: str = "HEAD") -> Probe | None:
        from sqlite_recovery_tui.storage.probe import probe

        base = self._endpoint or "https://s3.amazonaws.com"
        return probe(
            f"{base}/{quote(self._replica.bucket)}{query}",
            timeout_seconds=self._timeouts.connect_seconds,
            verify=not self._replica.skip_verify,
            method=method,
        )


def _symptom(error: Exception) -> Symptom:
    """Read an exception of either way to make requests."""
    if isinstance(error, Refused):
        return error.symptom
    library = type(error).__module__.partition(".")[0]
    return of_botocore(error) if library in ("botocore", "urllib3") else of_obstore(error)


def _s3_time(text: str) -> datetime | None:
    """Return the time in an S3 error, `20260326T103000Z` or `2026-03-26T10:30:00Z`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
