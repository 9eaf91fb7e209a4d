"""The time that Litestream notes beside an object whose service lists only when it arrived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

_NAMES = ("litestream-timestamp", "litestreamtimestamp")
"""Of S3 and Google, and of Azure, whose names have no hyphens."""


def noted_time(metadata: Mapping[str, str]) -> datetime | None:
    """Return the time in an object's metadata (names in lower case), None where there is none to read."""
    text = next((metadata[name] for name in _NAMES if name in metadata), "")
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None
