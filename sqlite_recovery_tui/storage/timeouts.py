"""How long to wait for a server; the same whatever library asks it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds until a connection, and between two pieces of an answer."""

    connect_seconds: float = 5.0
    read_seconds: float = 20.0


PATIENT = Timeouts()
"""What an operator is willing to wait."""
