"""Age-encrypted replicas restore with the right identity; everything else is told apart in words."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.errors import ConfigError, DamagedError, RecoverError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore import decrypt
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.verify.replica import verify_replica
from tests.support.corpus import Case, case, digest_of

KEY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()


@pytest.fixture
def encrypted(tmp_path: Path) -> Case:
    """Encrypt every object of a real replica, as Litestream v0.3 does, names and times kept."""
    found = case("v03-plain", tmp_path)
    for path in found.replica.rglob("*.lz4"):
        times = path.stat()
        path.write_bytes(pyrage.encrypt(path.read_bytes(), [KEY.to_public()]))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return found


def _restore(folder: Path, output: Path, *identities: str) -> RestoreResult:
    store = open_store(replica_from_url(folder.as_uri()))
    plan = make_plan(scan(store), Latest(), database=None, replica="test", url=store.url)
    return restore(store, plan, RestoreOptions(output), age_identities=identities)


def test_the_right_identity_among_comments_and_others_restores(encrypted: Case, tmp_path: Path) -> None:
    _restore(encrypted.replica, tmp_path / "out.db", f"# ours\n{OTHER}\n\n{KEY}\n")
    assert digest_of(tmp_path / "out.db") == encrypted.manifest["latest"]["digest"]
    store = open_store(replica_from_url(encrypted.replica.as_uri()))
    assert verify_replica(store, scan(store), age_identities=(str(KEY),)).verdict == "proven"


def test_a_wrong_identity_is_refused_with_a_hint_and_without_leftovers(
    encrypted: Case, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DamagedError) as caught:
        _restore(encrypted.replica, tmp_path / "out.db", str(OTHER))
    assert "decrypt" in caught.value.message
    assert "age.identities" in caught.value.hint
    assert sorted(tmp_path.iterdir()) == before


def test_without_an_identity_the_encryption_is_named(encrypted: Case, tmp_path: Path) -> None:
    with pytest.raises(DamagedError) as caught:
        _restore(encrypted.replica, tmp_path / "out.db")
    assert "age-encrypted" in caught.value.message


def test_an_identity_for_a_replica_in_the_clear_is_a_mistake_that_is_said(tmp_path: Path) -> None:
    found = case("v03-plain", tmp_path)
    with pytest.raises(DamagedError) as caught:
        _restore(found.replica, tmp_path / "out.db", str(KEY))
    assert "not age-encrypted" in caught.value.message


def test_text_that_is_no_identity_is_refused_without_showing_it(encrypted: Case, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _restore(encrypted.replica, tmp_path / "out.db", "AGE-SECRET-KEY-1NOTONE")
    assert "NOTONE" not in f"{caught.value!r} {caught.value} {caught.value.hint}"


def test_every_truncation_and_change_of_an_encrypted_object_is_named() -> None:
    data = pyrage.encrypt(b"some content " * 20, [KEY.to_public()])
    for length in range(len(data)):
        with pytest.raises(DamagedError):
            decrypt.decrypt(data[:length], (str(KEY),))
    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1
        with pytest.raises(DamagedError):
            decrypt.decrypt(bytes(spoilt), (str(KEY),))


@pytest.mark.parametrize("size", [0, 1, 70_000, 5 << 20])
def test_a_stream_decrypts_to_the_same_bytes_in_bounded_pieces(size: int) -> None:
    plain = os.urandom(size)
    data = pyrage.encrypt(plain, [KEY.to_public()])
    pieces = [data[at : at + 50_000] for at in range(0, len(data), 50_000)]
    found = list(decrypt.decrypt_stream(iter(pieces), (str(KEY),)))
    assert b"".join(found) == plain
    assert all(len(piece) <= decrypt.PIPE_BYTES for piece in found)


def test_what_breaks_the_source_of_a_stream_is_raised_as_it_is() -> None:
    data = pyrage.encrypt(bytes(200_000), [KEY.to_public()])

    def broken() -> Iterator[bytes]:
        yield data[:100_000]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        list(decrypt.decrypt_stream(broken(), (str(KEY),)))


def test_a_stream_left_early_leaves_no_thread_waiting() -> None:
    data = pyrage.encrypt(bytes(9 << 20), [KEY.to_public()])
    stream = decrypt.decrypt_stream(iter([data]), (str(KEY),))
    next(stream)
    stream.close()  # type: ignore[attr-defined]


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "pyrage":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RecoverError) as caught:
        decrypt.decrypt(decrypt.MAGIC + b"x", (str(KEY),))
    assert "sqlite-recovery-tui[age]" in caught.value.hint
