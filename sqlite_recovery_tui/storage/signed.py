"""Single requests to S3, signed and sent by botocore's parts without its client: any key, little overhead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sqlite_recovery_tui.config.secret import forget_locals
from sqlite_recovery_tui.storage.symptoms import Symptom, of_answer
from sqlite_recovery_tui.storage.timeouts import Timeouts

if TYPE_CHECKING:
    from obstore.store import S3Credential

_CONNECTIONS = 64
"""Kept open; as many threads as read at once should find one."""
_ERROR_BYTES = 64 << 10


class Refused(Exception):
    """The server answered with something else than what was asked for."""

    def __init__(self, symptom: Symptom) -> None:
        """Keep what the answer says."""
        super().__init__(symptom.text)
        self.symptom = symptom


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer; header names are in lower case, `body` has to be read or closed."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def size(self) -> int:
        """The length of the body; raise Refused when the server does not say it."""
        if "content-length" not in self.headers:
            self.body.close()
            raise Refused(Symptom(text="the server does not say how long the object is"))
        return int(self.headers["content-length"])


@dataclass(frozen=True, slots=True)
class Signature:
    """What requests are signed with; without `credentials` they are not."""

    credentials: Callable[[], S3Credential] | None
    region: str
    service: str = "s3"
    payload: bool = True
    """Whether the signature covers what is put."""


class SignedClient:
    """Requests to the bucket at a URL; thread-safe."""

    def __init__(
        self,
        bucket_url: str,
        signature: Signature,
        *,
        timeouts: Timeouts,
        verify: bool | str = True,
        object_headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Connect on the first request; `verify` may be a file of trusted certificates.

        `object_headers` go with every request about an object.
        """
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        self._bucket_url = bucket_url
        self._signature = signature
        self._object_headers = object_headers
        settings: dict[str, Any] = {
            "verify": verify,
            "proxies": get_environ_proxies(bucket_url),
            "timeout": (timeouts.connect_seconds, timeouts.read_seconds),
            "max_pool_connections": _CONNECTIONS,
        }
        self._session = URLLib3Session(**settings)

    def ask(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Return the answer to one request about `key` (empty: the bucket); raise Refused for a bad one.

        Raises what botocore and urllib3 raise when there is no whole answer.
        """
        url = f"{self._bucket_url}/{quote(key)}" if key else self._bucket_url
        if query:
            url += "?" + urlencode(query, quote_via=quote, safe="")
        about = self._object_headers if key else {}
        try:
            sent = self._session.send(self._prepared(method, url, {**about, **(headers or {})}, body))
        except Exception as error:
            # the request holds a session token, perhaps a customer's key, and is shown with its headers
            del about
            forget_locals(error)
            raise
        return _checked(method, sent)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _prepared(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, url, {"User-Agent": "sqlrecover", **headers}, body, stream_output=True)
        self._sign(request)
        return request.prepare()

    def _sign(self, request: Any) -> None:
        from botocore.auth import S3SigV4Auth
        from botocore.credentials import Credentials

        signature = self._signature
        if signature.credentials is None:
            return
        if not signature.payload:
            from botocore.config import Config

            request.context["client_config"] = Config(s3={"payload_signing_enabled": False})
        found = signature.credentials()
        keys = Credentials(found["access_key_id"], found["secret_access_key"], found.get("token"))
        S3SigV4Auth(keys, signature.service, signature.region).add_auth(request)


def trusted_certificates(environ: Mapping[str, str]) -> bool | str:
    """Return the file of certificates to trust: the one named for AWS clients, or the system's."""
    import ssl

    return environ.get("AWS_CA_BUNDLE") or ssl.get_default_verify_paths().cafile or True


def _checked(method: str, sent: Any) -> Answer:
    from botocore.response import StreamingBody

    headers = {name.lower(): value for name, value in sent.headers.items()}
    length: Any = None if method == "HEAD" else headers.get("content-length")
    body = StreamingBody(sent.raw, length)
    if 200 <= sent.status_code < 300:
        if method == "HEAD":
            body.read()  # gives the connection back
        return Answer(sent.status_code, headers, body)
    text = body.read(_ERROR_BYTES).decode("utf-8", "replace")
    body.close()
    symptom = of_answer(sent.status_code, text)
    region = symptom.region or headers.get("x-amz-bucket-region", "")
    raise Refused(Symptom(symptom.status, symptom.code, "", region, symptom.server_time, symptom.text))
