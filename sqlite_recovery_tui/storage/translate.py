"""From symptoms and errors of the operating system to failures an operator can act on, each with a hint."""

from __future__ import annotations

import errno
from datetime import timedelta

from sqlite_recovery_tui.errors import (
    AccessDenied,
    BucketNotFound,
    ClockSkew,
    ObjectNotFound,
    ShortBody,
    StorageError,
    Unreachable,
    WrongRegion,
)
from sqlite_recovery_tui.storage.base import StoreKind
from sqlite_recovery_tui.storage.keys import shown
from sqlite_recovery_tui.storage.retry import Again, Failure
from sqlite_recovery_tui.storage.symptoms import Break, Symptom

_CREDENTIAL_HINTS: dict[StoreKind, str] = {
    "s3": "set access-key-id and secret-access-key in the configuration, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; AWS_SKIP_SIGNATURE=true reads a public bucket",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run: gcloud auth application-default login",
    "abs": "set account-name and account-key in the configuration, or AZURE_STORAGE_ACCOUNT_KEY",
    "sftp": "set password or key-path in the configuration, or load the key into ssh-agent",
}
_SESSION_ENDED = "the session has ended: sign in again (aws sso login) or renew the token"
_DENIED_HINTS = {
    "InvalidAccessKeyId": "the server does not know this access key id: check it and the endpoint",
    "SignatureDoesNotMatch": "the secret access key does not belong to this access key id: check both",
    "AuthenticationFailed": "the account key or token is wrong: check account-name and account-key",
    "ExpiredToken": _SESSION_ENDED,
    "ExpiredTokenException": _SESSION_ENDED,
    "TokenRefreshRequired": _SESSION_ENDED,
    "InvalidToken": _SESSION_ENDED,
}
ENDED = frozenset(code for code, hint in _DENIED_HINTS.items() if hint is _SESSION_ENDED)
"""Codes of credentials that were good and are over."""
_PERMISSIONS = {
    "list": "s3:ListBucket on the bucket",
    "head": "s3:GetObject on its keys",
    "get": "s3:GetObject on its keys (and kms:Decrypt, if they are encrypted with a KMS key)",
    "put": "s3:PutObject on its keys",
    "delete": "s3:DeleteObject on its keys",
}


def of_symptom(symptom: Symptom, operation: str, kind: StoreKind = "s3") -> Failure:
    """Return what a failed request means for `operation` (list, head, get, put, delete)."""
    if symptom.broke == "credentials":
        return no_credentials(kind, symptom.text)
    if symptom.broke in _BREAKS:
        return _BREAKS[symptom.broke]
    if symptom.broke == "redirect" or symptom.code in _REDIRECTS or _other_region(symptom):
        return wrong_region(symptom.region)
    if symptom.code in _CODES:
        return _CODES[symptom.code]
    if symptom.code in _DENIED_HINTS or symptom.status in (401, 403):
        return denied(symptom.code, operation, kind)
    return _of_status(symptom, operation)


def _other_region(symptom: Symptom) -> bool:
    """Tell whether the region was named as a correction; S3 names it with every answer."""
    return bool(symptom.region) and symptom.status in (301, 307, 400)


def _of_status(symptom: Symptom, operation: str) -> Failure:
    """Return what an answer means of which nothing but the status is known."""
    if symptom.status == 404 and operation == "list":
        return missing_root("the bucket")
    if symptom.status in _STATUSES:
        return _STATUSES[symptom.status]
    if symptom.status >= 500:
        return passing(f"the server failed ({symptom.code or symptom.status})")
    name = f"{symptom.status} {symptom.code}".strip()
    reason = f"the server refused the request ({name})" if symptom.status else symptom.text or "it failed"
    return Failure(StorageError, reason, "run again with -vv for details")


def no_credentials(kind: StoreKind, detail: str = "") -> Failure:
    """Return the failure for a chain of credentials that ends with none."""
    reason = "there are no usable credentials"
    return Failure(AccessDenied, f"{reason}: {detail}" if detail else reason, _CREDENTIAL_HINTS.get(kind, ""))


def denied(code: str, operation: str, kind: StoreKind) -> Failure:
    """Return the failure for credentials that were refused, or do not allow `operation`."""
    hint = _DENIED_HINTS.get(code)
    if hint is None and kind == "s3":
        hint = f"these credentials are known but not allowed to do this; it needs {_PERMISSIONS[operation]}"
    return Failure(
        AccessDenied, f"access denied ({code})" if code else "access denied", hint or _CREDENTIAL_HINTS[kind]
    )


def wrong_region(region: str) -> Failure:
    """Return the failure for a bucket that lives in `region` (empty: not known)."""
    if not region:
        return Failure(WrongRegion, "the bucket is in another region", "set region to the bucket's region")
    return Failure(WrongRegion, f"the bucket is in region {region}", f"set region: {region}")


def clock_skew(ahead: timedelta | None = None) -> Failure:
    """Return the failure for a refused clock, `ahead` of the server's (negative: behind, None: unknown)."""
    hint = "set this machine's clock (timedatectl set-ntp true) and try again"
    if ahead is None:
        return Failure(ClockSkew, "this machine's clock is too far off", hint)
    side = "ahead of" if ahead > timedelta(0) else "behind"
    off = str(timedelta(seconds=round(abs(ahead).total_seconds())))
    return Failure(ClockSkew, f"this machine's clock is {off} {side} the server's", hint)


def unknown_host(detail: str, host: str, port: int) -> Failure:
    """Return the failure for an SSH server that nobody vouches for."""
    hint = (
        f"compare the fingerprint with the server's, then: ssh-keyscan -p {port} {host} >> "
        "~/.ssh/known_hosts, or set host-key; skip-verify: true accepts any server"
    )
    return Failure(AccessDenied, detail, hint)


def missing_root(what: str, code: str = "") -> Failure:
    """Return the failure for a bucket, container or directory that is not there."""
    reason = f"{what} does not exist" + (f" ({code})" if code else "")
    return Failure(
        BucketNotFound, reason, "check the name in the URL or the configuration; nothing is created"
    )


def missing_object() -> Failure:
    """Return the failure for a key that is not there."""
    hint = "it was deleted or never written; list again to see what is there now"
    return Failure(ObjectNotFound, "there is no such object", hint)


def short_body(wanted: int = 0, got: int = 0, *, again: Again = "never") -> Failure:
    """Return the failure for an object that ended at byte `got` when `wanted` were expected."""
    reason = f"it ends after {got} of {wanted} bytes" if wanted else "it ends before the range asked for"
    return Failure(ShortBody, reason, "the object is shorter than expected: list again, then verify", again)


def changed() -> Failure:
    """Return the failure for an object that is another one than when reading it began."""
    return Failure(StorageError, "the object changed while it was read", "try again with a fresh listing")


def unlistable(detail: str) -> Failure:
    """Return the failure for a bucket with a key that this client cannot list."""
    hint = "remove the object with that name, or copy the replica to another place"
    return Failure(StorageError, f"it holds a key that cannot be listed ({shown(detail)})", hint)


def bad_key(what: str) -> Failure:
    """Return the failure for a key that the store can give no object."""
    return Failure(StorageError, f"no {what} can have this name", "keys have no empty, . or .. parts")


def passing(reason: str, again: Again = "soon") -> Failure:
    """Return the failure for a trouble of the server that may pass."""
    return Failure(StorageError, reason, "wait a little and try again", again)


def of_os(error: OSError) -> Failure:
    """Return what an error of the operating system means for one file."""
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return missing_object()
    if isinstance(error, PermissionError):
        hint = "run as a user who may read it, or change its owner or mode"
        return Failure(AccessDenied, "permission denied", hint)
    reason = (error.strerror or str(error)).lower()
    return Failure(StorageError, reason, _OS_HINTS.get(error.errno or 0, ""))


_OS_HINTS = {
    errno.ENOSPC: "free space on that file system",
    errno.EDQUOT: "free space: the quota is used up",
    errno.EROFS: "the file system is mounted read-only",
    errno.EIO: "the disk or its connection fails: copy what can still be read",
    errno.ESTALE: "the network file system lost the file: mount it again",
}


NO_S3 = Failure(
    Unreachable,
    "what answers there is not S3",
    "the endpoint is that of a web page, perhaps the service's console: use its S3 port",
)
_BREAKS: dict[Break, Failure] = {
    "connect": Failure(
        Unreachable,
        "the connection was refused",
        "check the endpoint's host and port, and that the server runs",
        "unreachable",
    ),
    "dns": Failure(
        Unreachable,
        "the host name is not known",
        "check the endpoint, the region and this machine's network",
        "unreachable",
    ),
    "tls": Failure(
        Unreachable,
        "no trusted TLS connection",
        "the certificate is not trusted or not for this host, or the port speaks plain http: check the "
        "endpoint; skip-verify: true accepts any certificate",
    ),
    "timeout": Failure(
        Unreachable,
        "no answer in time",
        "check the endpoint, firewalls and proxies between here and there",
        "unreachable",
    ),
    "reset": Failure(
        StorageError, "the connection broke", "try again; check the network between here and there", "soon"
    ),
    "short": Failure(ShortBody, "the answer ended early", "try again; check proxies on the way", "soon"),
    "no-s3": NO_S3,
    "login": Failure(
        AccessDenied,
        "the server refused the login",
        "check user, password and key-path; is the key in ssh-agent?",
    ),
    "other-host": Failure(
        AccessDenied,
        "the server's key is not the one known for it",
        "somebody may be in between; if the server was set up anew, forget its old key: ssh-keygen -R HOST",
    ),
    "whole": Failure(StorageError, "the server does not answer ranges"),
    "key": Failure(
        StorageError, "this storage cannot carry such a key", "no Litestream object has such a name"
    ),
}
_REDIRECTS = frozenset({"PermanentRedirect", "IllegalLocationConstraintException"})
_CODES: dict[str, Failure] = {
    **{
        code: missing_root("the bucket", code)
        for code in ("NoSuchBucket", "ContainerNotFound", "NoSuchContainer", "InvalidBucketName")
    },
    **dict.fromkeys(("NoSuchKey", "BlobNotFound", "NoSuchVersion"), missing_object()),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired"), clock_skew()),
    **{
        code: passing(f"the server asks for fewer requests ({code})", "slowly")
        for code in (
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequests",
            "ServerBusy",
        )
    },
    **{
        code: passing(f"the server failed ({code})")
        for code in ("RequestTimeout", "InternalError", "OperationTimedOut", "ConditionalRequestConflict")
    },
}
_STATUSES: dict[int, Failure] = {
    301: wrong_region(""),
    307: wrong_region(""),
    404: missing_object(),
    408: passing("the server gave up waiting (408)"),
    416: short_body(),
    429: passing("the server asks for fewer requests (429)", "slowly"),
    503: passing("the server is overloaded (503)", "slowly"),
}
