"""What is wrong with a stored object, and where; found faults are told, never raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlite_recovery_tui.errors import FormatError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in words, and the place in words."""

    message: str
    place: str = ""

    @classmethod
    def of(cls, error: FormatError, unit: str = "byte") -> Fault:
        """Return a format error as a fault; its offset counts in `unit`."""
        return cls(error.message, f"{unit} {error.offset:,}" if error.offset else "")

    def __str__(self) -> str:
        return f"{self.message} ({self.place})" if self.place else self.message

    def to_json(self) -> dict[str, Any]:
        """Return the fault as the command line prints it."""
        return {"message": self.message, "place": self.place or None}


ProofWord = Literal["proven", "not proven", "does not hold"]


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether an object's own checksum was shown to hold, and how one knows."""

    word: ProofWord
    how: str

    @property
    def holds(self) -> bool:
        return self.word == "proven"

    @property
    def fails(self) -> bool:
        return self.word == "does not hold"

    def to_json(self) -> dict[str, Any]:
        """Return the proof as the command line prints it."""
        return {"verdict": self.word, "how": self.how}
