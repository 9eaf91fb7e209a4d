"""Age encryption of what goes to a replica, around the LZ4 frame of each object as Litestream v0.3 has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import ConfigError, RecoverError


class Seal:
    """Encrypts for the recipients of one replica; needs the extra `age` (pyrage)."""

    def __init__(self, recipients: Sequence[str]) -> None:
        """Read recipients, several lines each perhaps; raise `ConfigError`, `RecoverError`."""
        self._pyrage = _pyrage()
        self._recipients = [_parse(self._pyrage, line) for item in recipients for line in _lines(item)]

    def data(self, data: bytes) -> bytes:
        """Return an object's bytes encrypted."""
        sealed: bytes = self._pyrage.encrypt(data, self._recipients)
        return sealed

    def file(self, source: Path, target: Path) -> None:
        """Write a file's bytes encrypted to another; raise OSError."""
        with source.open("rb") as reader, target.open("wb") as writer:
            self._pyrage.encrypt_io(reader, writer, self._recipients)


def seal_for(recipients: Sequence[str]) -> Seal | None:
    """Return what encrypts for `recipients`, None when there are none."""
    return Seal(recipients) if recipients else None


def _lines(item: str) -> list[str]:
    stripped = (line.strip() for line in item.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _parse(pyrage: Any, line: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(line)
    except pyrage.RecipientError:
        raise ConfigError(
            "an age recipient cannot be read", key="age.recipients", hint="expected age1…"
        ) from None


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError:
        raise RecoverError(
            "this replica is to be age-encrypted, and age support is not installed",
            hint="pip install 'sqlite-recovery-tui[age]'",
        ) from None
    return pyrage
