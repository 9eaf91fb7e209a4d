"""Credentials that are not in the configuration, taken from the environment as Litestream takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlite_recovery_tui.config.models import ReplicaConfig
from sqlite_recovery_tui.config.secret import Secret

_KEY_ID, _KEY = "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"


def with_environment(replica: ReplicaConfig, environ: Mapping[str, str]) -> ReplicaConfig:
    """Return `replica` with the credentials of `environ` where it has none of its own.

    `LITESTREAM_ACCESS_KEY_ID` and `LITESTREAM_SECRET_ACCESS_KEY` stand in for `AWS_…` names that are not
    set; where the `AWS_…` names are, the keys stay empty and the provider's own chain finds them.
    """
    if replica.type == "s3" and not (replica.access_key_id or replica.secret_access_key):
        return _with_keys(replica, environ)
    if replica.type == "abs" and not (replica.account_key or replica.sas_token):
        key = environ.get("LITESTREAM_AZURE_ACCOUNT_KEY")
        return replace(replica, account_key=Secret(key)) if key else replica
    return replica


def _with_keys(replica: ReplicaConfig, environ: Mapping[str, str]) -> ReplicaConfig:
    if not any(_stands_in(name, environ) for name in (_KEY_ID, _KEY)):
        return replica
    return replace(replica, access_key_id=_find(_KEY_ID, environ), secret_access_key=_find(_KEY, environ))


def _stands_in(name: str, environ: Mapping[str, str]) -> bool:
    return f"AWS_{name}" not in environ and bool(environ.get(f"LITESTREAM_{name}"))


def _find(name: str, environ: Mapping[str, str]) -> Secret | None:
    value = environ.get(f"AWS_{name}", environ.get(f"LITESTREAM_{name}"))
    return Secret(value) if value else None
