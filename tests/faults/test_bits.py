"""Nothing that happens to a replica's bytes passes unseen: it is named, or the result is what it was."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.open import open_store
from tests.support.generation_writer import GenerationWriter

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Small:
    """A replica of a few hundred bytes per object, and what it restores to."""

    folder: Path
    truth: bytes

    @property
    def objects(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.lz4"))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of restores; the disk is not in question
    with GenerationWriter(tmp_path / "app.db", tmp_path / "replica", page_size=512) as writer:
        writer.connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT)")
        writer.connection.execute("INSERT INTO t(word) VALUES ('first')")
        writer.checkpoint("TRUNCATE")
        writer.new_generation(START)
        for number in range(3):
            writer.connection.execute("INSERT INTO t(word) VALUES (?)", (f"row {number}",))
            writer.ship(START + timedelta(seconds=number + 1))
            if number == 1:
                writer.checkpoint("TRUNCATE")
        writer.checkpoint("TRUNCATE")
        truth = (tmp_path / "app.db").read_bytes()
    return Small(tmp_path / "replica", truth)


def _verdict(small: Small, spoilt: Path) -> str:
    """Restore and tell what came of it: "named" is a refusal that names the spoilt object."""
    store = open_store(replica_from_url(small.folder.as_uri()))
    output = small.folder.parent / "out.db"
    try:
        plan = make_plan(scan(store), Latest(), database=None, replica="test", url=store.url)
        restore(store, plan, RestoreOptions(output))
    except DamagedError as error:
        assert not output.exists()
        assert [path.name for path in small.folder.parent.iterdir() if path.name.startswith(".")] == []
        return "named" if spoilt.name in error.object else f"blamed on {error.object}"
    finally:
        store.close()
    data = output.read_bytes()
    output.unlink()
    return "without effect" if data == small.truth else "silent"


def test_untouched_it_restores(small: Small) -> None:
    assert _verdict(small, small.folder) == "without effect"


def test_every_truncation_is_named(small: Small) -> None:
    for path in small.objects:
        data = path.read_bytes()
        for length in range(len(data)):
            path.write_bytes(data[:length])
            assert _verdict(small, path) == "named", (path.name, length)
        path.write_bytes(data)


def test_every_changed_byte_is_named_or_without_effect(small: Small) -> None:
    """Each byte once, every bit of a byte in turn; the decoders' own tests flip every bit."""
    named = 0
    for path in small.objects:
        data = path.read_bytes()
        for at in range(len(data)):
            spoilt = bytearray(data)
            spoilt[at] ^= 1 << at % 8
            path.write_bytes(spoilt)
            verdict = _verdict(small, path)
            assert verdict in ("named", "without effect"), (path.name, at, verdict)
            named += verdict == "named"
        path.write_bytes(data)
    assert named > 0.98 * sum(path.stat().st_size for path in small.objects)
