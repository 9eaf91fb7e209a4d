"""The proof of a replica while it runs, its verdict, and what to do about each thing that does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.aim import LATEST, at_base, at_state
from sqlite_recovery_tui.tui.jobs import VerifyJob
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact
from sqlite_recovery_tui.tui.widgets.problem import way

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import RestorePoint
    from sqlite_recovery_tui.verify.proof import Fault, LineageProof, ReplicaProof

MEANINGS = {
    "proven": "every object was read, every chain replayed, and nothing rests on trust",
    "consistent": "every object was read, every chain replayed, and nothing contradicts",
    "damaged": "not everything that is listed can be restored",
}
SHOWN_FAULTS = 5
SHOWN_REMARKS = 3


class VerifyJobScreen(JobScreen):
    """The proof of one replica."""

    job: VerifyJob

    @property
    def fault(self) -> Fault | None:
        """The first thing that does not hold; the keys lead around this one."""
        proof = self.job.result
        return proof.faults[0] if proof is not None and proof.faults else None

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        if self.job.result is not None:
            yield "plannable"
        if self.fault is not None and self.fault.last_good is not None:
            yield "last-good"
        if self.fault is not None and self.fault.next_good is not None:
            yield "next-good"

    def about(self) -> Iterator[Fact]:
        place, proof = self.job.place, self.job.result
        yield "replica", text.line((place.url, "bold"))
        if proof is None:
            yield "reads", "every object of it, and replays every chain from snapshot to snapshot"
            return
        yield "verdict", _verdict(proof)
        yield "read", f"{phrases.many(proof.objects, 'object')} · {phrases.size(proof.bytes_fetched)}"
        for number, lineage in enumerate(proof.lineages):
            yield "" if number else "reaches", _reach(lineage)
        yield from self._fault_facts(proof)
        for number, remark in enumerate(proof.unproven[:SHOWN_REMARKS]):
            yield "" if number else "not proven", text.line((wording.words(remark), text.MUTED))
        if len(proof.unproven) > SHOWN_REMARKS:
            yield (
                "",
                text.line((f"and {len(proof.unproven) - SHOWN_REMARKS:,} more of that kind", text.MUTED)),
            )

    def _fault_facts(self, proof: ReplicaProof) -> Iterator[Fact]:
        for fault in proof.faults[:SHOWN_FAULTS]:
            yield "damaged", text.line(("✗ ", "bold $text-error"), wording.words(fault.message))
            yield "", text.line((fault.object, text.MUTED))
        if len(proof.faults) > SHOWN_FAULTS:
            yield "", f"and {phrases.many(len(proof.faults) - SHOWN_FAULTS, 'more fault')}"

    def ways_out(self) -> Iterator[Content]:
        yield way("r", "try again")
        yield way("esc", "back to where you came from")

    def next_step(self) -> Content:
        fault = self.fault
        rows = []
        if fault is not None and fault.last_good is not None:
            rows.append(way("l", f"plan up to the last good commit: {self._moment(fault.last_good)}"))
        if fault is not None and fault.next_good is not None:
            rows.append(way("n", f"plan the next good snapshot: {self._moment(fault.next_good)}"))
        rows.append(way("p", "plan a restore of the newest state"))
        return text.lines(*rows)

    def _moment(self, point: RestorePoint) -> str:
        return f"{phrases.utc(point.time)} · {phrases.age(point.time, self.console.now())}"

    # actions

    def do_plan(self) -> None:
        self.console.open_plan(self.job.place, LATEST)

    def do_last_good(self) -> None:
        if self.fault is not None and self.fault.last_good is not None:
            self.console.open_plan(self.job.place, at_state(self.fault.last_good))

    def do_next_good(self) -> None:
        if self.fault is not None and self.fault.next_good is not None:
            self.console.open_plan(self.job.place, at_base(self.fault.next_good))


def _verdict(proof: ReplicaProof) -> Content:
    count = len(proof.faults)
    found = f": {phrases.many(count, 'fault')}" if count else ""
    return text.line((f"{proof.verdict}{found}", "bold"), f" · {MEANINGS[proof.verdict]}")


def _reach(lineage: LineageProof) -> str:
    where = phrases.short_ids(str(lineage.end)) if lineage.end is not None else f"nothing of {lineage.title}"
    return f"{where} · {lineage.verdict}"
