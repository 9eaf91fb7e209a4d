"""The corpus of real replicas with a manifest of the truth about each, copied with object times.

The corpus lies in `shared/replicas` beside the repository; where it is not there, its tests skip.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "replicas"


@dataclass(frozen=True)
class Moment:
    """A moment of a case and what a restore to it must give."""

    label: str
    timestamp: str | None
    """RFC 3339; None: the latest state."""
    digest: str
    rows: dict[str, int]
    file_sha256: str
    """Of the file that Litestream's own restore gives, byte for byte."""


@dataclass(frozen=True)
class Case:
    """One replica of the corpus, copied so that a test may change it."""

    replica: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.manifest["case"])

    @property
    def url(self) -> str:
        return self.replica.as_uri()

    @property
    def checkpoints(self) -> list[dict[str, Any]]:
        """The moments the manifest knows the truth about, in order of time."""
        return list(self.manifest["checkpoints"])

    @property
    def moments(self) -> list[Moment]:
        """Every checkpoint that can be restored, by itself or as the newest state before it, and the end."""
        known = [*self.manifest["checkpoints"], {**self.manifest["latest"], "timestamp": None}]
        truths = [(item, item["nearest"] if item["restorable"] == "earlier" else item) for item in known]
        return [
            Moment(item["label"], item["timestamp"], truth["digest"], truth["rows"], truth["file_sha256"])
            for item, truth in truths
            if item["restorable"] != "none"
        ]

    @property
    def newest(self) -> datetime:
        """When the last object was written."""
        moments: list[int] = [item["mtime_ns"] for item in self.manifest["objects"]]
        return datetime.fromtimestamp(max(moments) / 1e9).astimezone()


def cases(family: str) -> list[str]:
    """Return the names of every case of `family` ("v03", "v05"); empty when there is no corpus."""
    return sorted(
        path.parent.name
        for path in FOLDER.glob("*/manifest.json")
        if family in _manifest(path.parent)["families"]
    )


def case(name: str, tmp_path: Path) -> Case:
    """Copy the replica `name` to `tmp_path/name`, with the object times that its manifest records."""
    _need_corpus()
    folder = FOLDER / name
    replica = _truth().copy_case(folder, tmp_path / name)
    for path in [replica, *replica.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # the corpus itself may be read-only
    return Case(replica, _manifest(folder))


def digest_of(path: Path) -> str:
    """Return the logical digest of a database, as the manifests give it."""
    _need_corpus()
    return str(_truth().digest_of(path))


def _need_corpus() -> None:
    if not FOLDER.is_dir():
        pytest.skip("no corpus of real replicas in shared/replicas beside the repository")


@cache
def _manifest(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return loaded


@cache
def _truth() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_truth", FOLDER / "truth.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
