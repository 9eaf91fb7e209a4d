"""The AWS account behind an S3 replica: credentials and region, found the way boto3 finds them.

boto3 is imported only where the configuration and the environment do not say it all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.storage.raw import NoAccount

if TYPE_CHECKING:
    from obstore.store import S3Credential

    from sqlite_recovery_tui.config import ReplicaConfig

DEFAULT_REGION = "us-east-1"
_KEEP = timedelta(minutes=15)
"""How long obstore may use credentials that can change before it asks again."""
_METADATA_SECONDS = 1


class Account:
    """Credentials and the first guess of the region for one replica."""

    def __init__(self, replica: ReplicaConfig, environ: Mapping[str, str]) -> None:
        """Look at the configuration first, at `environ` second, at boto3's chain last."""
        self._replica = replica
        self._environ = environ
        self._lock = threading.Lock()
        self._session: Any = None
        self._found: Any = None

    @property
    def anonymous(self) -> bool:
        """True when requests shall not be signed."""
        return not self._configured and _is_true(self._environ.get("AWS_SKIP_SIGNATURE", ""))

    @property
    def region(self) -> str:
        """The region to begin with."""
        if self._replica.region:
            return self._replica.region
        if self._replica.endpoint:
            return DEFAULT_REGION
        named = self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION")
        return named or DEFAULT_REGION

    @property
    def region_is_a_guess(self) -> bool:
        """True when nobody said which region this bucket is in."""
        return not self._replica.region and not self._replica.endpoint

    def credentials(self) -> S3Credential:
        """Return credentials as obstore takes them; raise NoAccount."""
        if self._configured:
            return _static(*self._own_keys())
        if keys := self._environment_keys():
            return _static(*keys)
        frozen = self._from_chain()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _KEEP,
        }

    def renew(self) -> bool:
        """Forget what the chain returned, so that it is asked again; return False when it was not used."""
        with self._lock:
            used = self._found is not None
            self._session = self._found = None
        return used

    @property
    def _configured(self) -> bool:
        return bool(self._replica.access_key_id or self._replica.secret_access_key)

    def _own_keys(self) -> tuple[str, str, str | None]:
        key_id, key, token = (
            self._replica.access_key_id,
            self._replica.secret_access_key,
            self._replica.session_token,
        )
        if not key_id or not key:
            missing = "secret-access-key" if key_id else "access-key-id"
            raise NoAccount(f"the configuration has no {missing} beside the other key")
        return key_id.reveal(), key.reveal(), token.reveal() if token else None

    def _environment_keys(self) -> tuple[str, str, str | None] | None:
        key_id = self._environ.get("AWS_ACCESS_KEY_ID")
        key = self._environ.get("AWS_SECRET_ACCESS_KEY")
        if not key_id or not key:
            return None
        return key_id, key, self._environ.get("AWS_SESSION_TOKEN") or None

    def _from_chain(self) -> Any:
        """Return frozen credentials of boto3's chain: profiles, SSO, web identity, container, instance."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.session import Session

        keep_quiet()
        with self._lock:
            try:
                if self._found is None:
                    plain = Session()
                    plain.set_config_variable("metadata_service_timeout", _METADATA_SECONDS)
                    plain.set_config_variable("metadata_service_num_attempts", 1)
                    self._session = boto3.session.Session(botocore_session=plain)
                    self._found = self._session.get_credentials()
                if self._found is None:
                    raise NoAccount("")
                return self._found.get_frozen_credentials()
            except (BotoCoreError, ClientError) as error:
                raise NoAccount(" ".join(str(error).split())[:200]) from error


def keep_quiet(*, insecure: bool = False) -> None:
    """Keep botocore from logging tokens and signatures, and from warning of what was asked for."""
    for name in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if insecure:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


def _static(key_id: str, key: str, token: str | None) -> S3Credential:
    return {"access_key_id": key_id, "secret_access_key": key, "token": token, "expires_at": None}


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on")
