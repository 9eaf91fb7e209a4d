"""What the checks of a restored database found, kept beside it and in the history, once all have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.tui.engine import Queue

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.app import Console
    from sqlite_recovery_tui.tui.proof import Proof

MOST_MESSAGES = 100


def keep(console: Console, proof: Proof) -> None:
    """Keep what `proof` found, in the background; nothing while checks run, and only once."""
    report = verdict(proof)
    if report is None or proof.kept:
        return
    proof.kept = True
    path, result = proof.subject.path, proof.subject.result
    position = result.position.to_json() if result is not None else None

    def work(_: object) -> None:
        from sqlite_recovery_tui.restore.scratch import note_integrity

        note_integrity(path, report, position=position)

    console.engine.ask(Queue.CLEAN, console, work, then=_nothing, failed=_nothing)
    console.history.checked(path, "ok" if report["ok"] else "damaged", report)


def verdict(proof: Proof) -> dict[str, Any] | None:
    """Return what a manifest says of the checks; None while they run, or where they do not answer it."""
    reports = [check.report for check in proof.checks]
    found = [report for report in reports if report is not None]
    if not proof.done or not found:
        return None
    damaged = any(report.verdict == "damaged" for report in found)
    if not damaged and not (len(found) == len(reports) and all(report.ok for report in found)):
        return None
    messages = [message for report in found if not report.ok for message in report.messages]
    return {"kind": "full", "ok": not damaged, "messages": messages[:MOST_MESSAGES]}


def _nothing(_: object) -> None:
    """Take an answer nobody waits for."""
