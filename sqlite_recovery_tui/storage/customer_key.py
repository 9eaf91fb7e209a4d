"""Encryption with a key that the customer keeps: every request about an object carries it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.config import ReplicaConfig

if TYPE_CHECKING:
    from obstore.store import S3Config

_HEADER = "x-amz-server-side-encryption-customer-"


def customer_key(replica: ReplicaConfig) -> S3Config:
    """Return obstore's settings for the key of `replica`, none where it has none; raise OSError."""
    key = _key(replica)
    return {"server_side_encryption": "sse-c", "sse_customer_key_base64": key} if key else {}


def customer_key_headers(replica: ReplicaConfig) -> Mapping[str, str]:
    """Return the headers that carry the key of `replica`, none where it has none.

    Raise OSError for its file, ValueError when it is no base64.
    """
    key = _key(replica)
    if not key:
        return {}
    digest = hashlib.md5(base64.b64decode(key), usedforsecurity=False).digest()
    return {
        f"{_HEADER}algorithm": replica.sse_customer_algorithm or "AES256",
        f"{_HEADER}key": key,
        f"{_HEADER}key-md5": base64.b64encode(digest).decode(),
    }


def _key(replica: ReplicaConfig) -> str:
    """Return the key in base64; a file holds its bytes."""
    if replica.sse_customer_key:
        return replica.sse_customer_key.reveal()
    if replica.sse_customer_key_path:
        return base64.b64encode(Path(replica.sse_customer_key_path).read_bytes()).decode()
    return ""
