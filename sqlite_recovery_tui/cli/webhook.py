"""Telling a machine elsewhere, by one request, that something is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlite_recovery_tui.errors import RecoverError, UsageError

SECONDS = 10.0


def post(url: str, document: Mapping[str, Any]) -> None:
    """Send a document as JSON; raise `RecoverError` unless it is taken, without the URL's secrets."""
    import http.client
    import urllib.error
    import urllib.request

    from sqlite_recovery_tui.config.urlparts import redacted

    if not url.startswith(("http://", "https://")):
        raise UsageError(f"a webhook is an http or https URL, not {redacted(url)}")
    request = urllib.request.Request(  # noqa: S310  # the scheme is judged above
        url,
        data=json.dumps(document).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "sqlrecover"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            return
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = f"it answers {error.code}" if isinstance(error, urllib.error.HTTPError) else str(error)
        raise RecoverError(f"nobody was told at {redacted(url)}: {why}", object=redacted(url)) from None
