"""What an S3 bucket does by itself to a replica: region, versions, locks, rules that delete, encryption.

Asked by boto3, read only; what may not be asked is said. Also the one to remove what deleting leaves behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import Any

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.doctor.bucket_rules import (
    judge_encryption,
    judge_lifecycle,
    judge_lock,
    judge_region,
    judge_versioning,
    locked_days,
)
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.storage.account import Account, keep_quiet
from sqlite_recovery_tui.storage.raw import NoAccount
from sqlite_recovery_tui.storage.timeouts import PATIENT

_NONE = {
    "NoSuchLifecycleConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
}
"""Answers that say that there is none."""
_UNKNOWN = {"NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "InvalidRequest", "501", "405"}
_FORBIDDEN = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}
_MAY = "allow {permission}, for this check alone"


class Bucket:
    """The bucket of one replica."""

    def __init__(self, replica: ReplicaConfig) -> None:
        """Keep the configuration until the first request."""
        self._replica = replica
        self.locked_days = 0
        """For how long the bucket keeps from deletion whatever is written, once it was examined."""

    def examine(self) -> Iterator[Check]:
        """Yield a check for each thing that a bucket can have; what cannot be known is a warning."""
        yield self._ask("region", "s3:ListBucket", self._region)
        yield self._ask("versioning", "s3:GetBucketVersioning", self._versioning)
        yield self._ask("object lock", "s3:GetBucketObjectLockConfiguration", self._lock)
        yield self._ask("lifecycle", "s3:GetLifecycleConfiguration", self._lifecycle)
        yield self._ask("encryption", "s3:GetEncryptionConfiguration", self._encryption)

    def forget(self, prefix: str) -> str:
        """Remove for good what was deleted below `prefix` or was never finished; say what stays."""
        from botocore.exceptions import BotoCoreError, ClientError

        inside = "/".join(part for part in (self._replica.path, prefix) if part)
        try:
            self._abort_uploads(inside)
            self._delete_versions(inside)
        except ClientError as error:
            if _code(error) in _UNKNOWN:
                return ""
            return f"older versions of the probes ({_code(error)})"
        except (BotoCoreError, NoAccount):
            return "perhaps older versions of the probes"
        return ""

    def _abort_uploads(self, inside: str) -> None:
        bucket = {"Bucket": self._replica.bucket}
        begun = self._client.list_multipart_uploads(**bucket, Prefix=inside)
        for one in begun.get("Uploads", ()):
            self._client.abort_multipart_upload(**bucket, Key=one["Key"], UploadId=one["UploadId"])

    def _delete_versions(self, inside: str) -> None:
        """Delete versions and delete markers, which exist only where versioning was ever on."""
        if not self._client.get_bucket_versioning(Bucket=self._replica.bucket).get("Status"):
            return
        found = self._client.list_object_versions(Bucket=self._replica.bucket, Prefix=inside)
        for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            self._client.delete_object(
                Bucket=self._replica.bucket, Key=one["Key"], VersionId=one["VersionId"]
            )

    def _ask(self, name: str, permission: str, look: Callable[[Any], Check]) -> Check:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return look(self._client)
        except ClientError as error:
            code = _code(error)
            if code in _UNKNOWN:
                return Check(name, "ok", "this server knows nothing of the kind")
            hint = _MAY.format(permission=permission) if code in _FORBIDDEN else ""
            return Check(name, "warn", f"not known: {code}", hint)
        except (BotoCoreError, NoAccount) as error:
            return Check(name, "warn", f"not known: {' '.join(str(error).split())[:200]}")

    def _region(self, client: Any) -> Check:
        answer = client.head_bucket(Bucket=self._replica.bucket)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        region = answer.get("BucketRegion") or headers.get("x-amz-bucket-region", "")
        return judge_region(self._replica, region)

    def _versioning(self, client: Any) -> Check:
        return judge_versioning(client.get_bucket_versioning(Bucket=self._replica.bucket).get("Status"))

    def _lock(self, client: Any) -> Check:
        answer = _or_none(lambda: client.get_object_lock_configuration(Bucket=self._replica.bucket))
        lock = answer.get("ObjectLockConfiguration", {})
        self.locked_days = locked_days(lock)
        return judge_lock(lock, self._replica)

    def _lifecycle(self, client: Any) -> Check:
        answer = _or_none(lambda: client.get_bucket_lifecycle_configuration(Bucket=self._replica.bucket))
        return judge_lifecycle(answer.get("Rules", ()), self._replica)

    def _encryption(self, client: Any) -> Check:
        answer = _or_none(lambda: client.get_bucket_encryption(Bucket=self._replica.bucket))
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
        return judge_encryption(rules, self._replica)

    @cached_property
    def _client(self) -> Any:
        """The client of the account behind the replica; raises `NoAccount`."""
        from botocore import UNSIGNED
        from botocore.config import Config

        keep_quiet(insecure=self._replica.skip_verify)
        account = Account(self._replica, os.environ)
        by_path = self._replica.force_path_style or self._replica.endpoint is not None
        config = Config(
            connect_timeout=PATIENT.connect_seconds,
            read_timeout=PATIENT.read_seconds,
            retries={"total_max_attempts": 2},
            s3={"addressing_style": "path" if by_path else "auto"},
            signature_version=UNSIGNED if account.anonymous else None,
        )
        keys: Mapping[str, Any] = {} if account.anonymous else dict(account.credentials())
        return _session().client(
            "s3",
            region_name=account.region,
            endpoint_url=self._replica.endpoint,
            verify=not self._replica.skip_verify,
            aws_access_key_id=keys.get("access_key_id"),
            aws_secret_access_key=keys.get("secret_access_key"),
            aws_session_token=keys.get("token"),
            config=config,
        )


@cache
def _session() -> Any:
    """Return boto3's session; to know what S3 is takes it a tenth of a second each time."""
    import boto3

    return boto3.session.Session()


def _or_none(ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return an answer, an empty one where the bucket has nothing of the kind."""
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if _code(error) in _NONE:
            return {}
        raise


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
