"""A drill proves every moment of real replicas, and names a fault at each moment that depends on it.

Which objects a moment takes is what the manifests say, not what we plan.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.verify.drill import LATEST, Order, Verdict, carry_out
from tests.support.corpus import Case, case, cases

FAULTS = ("flip", "cut", "exchange")
NAMES = [*cases("v03"), *cases("v05")]


def drill(replica: Case, moment: dict[str, Any]) -> Verdict:
    return carry_out(Order(None, None, replica.name, replica.url, moment["timestamp"] or LATEST))


def moments(replica: Case) -> list[dict[str, Any]]:
    """Every moment that can be restored: when, where it leads, and the objects that it takes."""
    known = [*replica.checkpoints, {"label": LATEST, "timestamp": None, **replica.manifest["latest"]}]
    truths = [(item, item["nearest"] if item["restorable"] == "earlier" else item) for item in known]
    return [
        {**truth, "label": item["label"], "timestamp": item.get("timestamp")}
        for item, truth in truths
        if item["restorable"] != "none"
    ]


def plant(fault: str, victim: Path) -> None:
    """Change what is stored: one bit, the end, or all of it for another object's; its time stays."""
    data, status = victim.read_bytes(), victim.stat()
    middle = len(data) // 2
    if fault == "flip":
        data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    elif fault == "cut":
        data = data[:middle]
    else:
        others = sorted(path for path in victim.parent.rglob("*") if path.is_file() and path != victim)
        data = others[0].read_bytes()
    victim.write_bytes(data)
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.skipif(not NAMES, reason="no corpus of real replicas in shared/replicas beside the repository")
@pytest.mark.parametrize(("name", "fault"), [(name, FAULTS[at % 3]) for at, name in enumerate(NAMES)])
def test_every_moment_is_proven_until_a_fault_is_planted(name: str, fault: str, tmp_path: Path) -> None:
    replica = case(name, tmp_path)
    known = moments(replica)
    for moment in known:
        found = drill(replica, moment)
        assert found.ok, f"{moment['label']}: {found.words}"
        assert found.restored["continuity"] in ("proven", "consistent")
        expected = moment["position"] if "position" in moment else {"txid": moment["txid"]}
        assert found.restored["position"] == expected, moment["label"]

    victim = known[len(known) // 2]["files"][-1]
    plant(fault, replica.replica / victim)
    depends = [moment for moment in known if victim in moment["files"]]
    assert depends
    for moment in depends:
        found = drill(replica, moment)
        assert found.error is not None, f"{moment['label']}: {found.words}, in spite of {victim}"
        assert (found.code, found.error["object"]) == (4, victim), moment["label"]
    for moment in [moment for moment in known if moment not in depends][-1:]:
        found = drill(replica, moment)
        assert found.ok, f"{moment['label']} does not take {victim}: {found.words}"
