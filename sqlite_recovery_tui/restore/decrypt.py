"""Age encryption (age-encryption.org/v1) as Litestream v0.3 uses it: around the LZ4 frame of each object.

Needs the extra `age` (pyrage); nothing is imported before an encrypted replica is read.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from sqlite_recovery_tui.errors import ConfigError, FormatError, RecoverError

MAGIC = b"age-encryption.org/v1\n"
PIPE_BYTES = 1 << 20
_HINT = "check age.identities of this replica in the configuration"


def decrypt(data: bytes, identities: Sequence[str], *, object: str = "") -> bytes:
    """Decrypt one object; raise `FormatError` when no identity fits or the data was altered."""
    _check_magic(data, object)
    pyrage = _pyrage()
    try:
        plain: bytes = pyrage.decrypt(data, _parse(pyrage, identities))
    except pyrage.DecryptError as error:
        raise FormatError(f"age decryption failed: {error}", object=object, hint=_HINT) from None
    return plain


def decrypt_stream(
    pieces: Iterator[bytes], identities: Sequence[str], *, object: str = ""
) -> Iterator[bytes]:
    """Decrypt an object that arrives in pieces; raise like `decrypt`, at the piece that fails."""
    pyrage = _pyrage()
    reader = _Pieces(pieces)
    _check_magic(reader.peek(len(MAGIC)), object)
    keys = _parse(pyrage, identities)
    read_end, write_end = os.pipe()
    failed: list[BaseException] = []

    def pump() -> None:
        try:
            with open(write_end, "wb") as writer:
                pyrage.decrypt_io(reader, writer, keys)
        except BaseException as error:  # raised again by the reader of the pipe
            failed.append(error)

    thread = threading.Thread(target=pump, name="decrypt", daemon=True)
    thread.start()
    try:
        with open(read_end, "rb", buffering=0) as plain:
            while piece := plain.read(PIPE_BYTES):
                yield piece
    finally:
        thread.join()
    for error in failed:
        source = reader.failed or error
        if isinstance(source, pyrage.DecryptError):
            raise FormatError(f"age decryption failed: {source}", object=object, hint=_HINT) from None
        raise source


class _Pieces(io.RawIOBase):
    """A readable file over an iterator of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self.failed: BaseException | None = None
        """What the pieces raised; the age library would only say that reading failed."""

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        while len(self._rest) < count and (piece := next(self._pieces, b"")):
            self._rest += piece
        return self._rest[:count]

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            try:
                self._rest = next(self._pieces, b"")
            except BaseException as error:
                self.failed = error
                raise
        part = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(part) :]
        return part


def _check_magic(start: bytes, object: str) -> None:
    if not start.startswith(MAGIC):
        raise FormatError(
            "object is not age-encrypted, though age identities are configured",
            object=object,
            hint="remove age.identities for a replica that is stored in the clear",
        )


def _parse(pyrage: Any, identities: Sequence[str]) -> list[Any]:
    """Read identities; an item may hold several lines, comments among them."""
    parsed = []
    for item in identities:
        for line in (part.strip() for part in item.splitlines()):
            if not line or line.startswith("#"):
                continue
            try:
                parsed.append(pyrage.x25519.Identity.from_str(line))
            except pyrage.IdentityError:
                raise ConfigError(
                    "an age identity cannot be read", key="age.identities", hint="expected AGE-SECRET-KEY-1…"
                ) from None
    return parsed


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError:
        raise RecoverError(
            "this replica is age-encrypted, and age support is not installed",
            hint="pip install 'sqlite-recovery-tui[age]'",
        ) from None
    return pyrage
