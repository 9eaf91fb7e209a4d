"""What the history tells of a replica, in the terms of those who do not know the history."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import Position
    from sqlite_recovery_tui.history.ledger import Ledger

_PLACE = re.compile(r"(?P<generation>[0-9a-f]{16})/(?P<index>[0-9a-f]{8})(?::(?P<offset>[0-9a-f]{8,16}))?")
_NEVER = datetime.min.replace(tzinfo=UTC)


def proven_positions(history: Ledger, url: str) -> Sequence[Position]:
    """Return the positions of a v0.3 replica that were shown to be restorable, the newest state first."""
    from sqlite_recovery_tui.domain import Position

    proofs = sorted(history.proofs(url), key=lambda proof: proof.point_time or _NEVER, reverse=True)
    found = (_PLACE.fullmatch(proof.place) for proof in proofs)
    return [
        Position(match["generation"], int(match["index"], 16), int(match["offset"] or "0", 16))
        for match in found
        if match is not None
    ]
