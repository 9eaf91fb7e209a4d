"""What was shown of a replica: verdicts, faults with the good points around them, what rests on trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_recovery_tui.domain import Continuity, Place, RestorePoint, Txid


@dataclass(frozen=True)
class Fault:
    """Something that does not hold: the object, what is lost by it, the good points around it."""

    object: str
    message: str
    generation: str | None
    last_good: RestorePoint | None = None
    next_good: RestorePoint | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "object": self.object,
            "message": self.message,
            "generation": self.generation,
            "last_good": self.last_good.to_json() if self.last_good else None,
            "next_good": self.next_good.to_json() if self.next_good else None,
        }


@dataclass(frozen=True)
class LineageProof:
    """What was shown of one lineage: a generation, or the LTX files."""

    title: str
    generation: str | None
    faults: tuple[Fault, ...]
    unproven: tuple[str, ...]
    attested: tuple[int, ...]
    """WAL indexes whose end a later snapshot attests; TXIDs whose state several files agree on."""
    end: Place | None
    """The last commit that the newest chain reaches."""
    summed: Place | None = None
    """The last end of a WAL at which the checksum of all pages is the one that was noted by our daemon."""

    @property
    def verdict(self) -> Continuity:
        if self.faults:
            return "damaged"
        return "consistent" if self.unproven else "proven"

    def to_json(self) -> dict[str, Any]:
        return {
            "generation": self.generation,
            "verdict": self.verdict,
            "faults": [fault.to_json() for fault in self.faults],
            "unproven": list(self.unproven),
            "attested": [item if self.generation else Txid(item).label for item in self.attested],
            "end": self.end.to_json() if self.end else None,
            "summed": self.summed.to_json() if self.summed else None,
        }


@dataclass(frozen=True)
class ReplicaProof:
    """What was shown of a replica."""

    lineages: tuple[LineageProof, ...]
    objects: int
    bytes_fetched: int
    newest: RestorePoint | None = None
    """The newest state among what was looked at."""

    @property
    def generations(self) -> tuple[LineageProof, ...]:
        """The proofs of v0.3 generations."""
        return tuple(proof for proof in self.lineages if proof.generation is not None)

    @property
    def ltx(self) -> LineageProof | None:
        """The proof of the LTX files, where there are any."""
        return next((proof for proof in self.lineages if proof.generation is None), None)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(fault for proof in self.lineages for fault in proof.faults)

    @property
    def unproven(self) -> tuple[str, ...]:
        return tuple(
            f"{proof.generation or proof.title}: {text}" for proof in self.lineages for text in proof.unproven
        )

    @property
    def verdict(self) -> Continuity:
        verdicts = {proof.verdict for proof in self.lineages}
        return "damaged" if "damaged" in verdicts else "consistent" if "consistent" in verdicts else "proven"

    def to_json(self) -> dict[str, Any]:
        """Return the proof as `verify --json` prints it."""
        return {
            "verdict": self.verdict,
            "objects": self.objects,
            "bytes_fetched": self.bytes_fetched,
            "generations": [proof.to_json() for proof in self.generations],
            "ltx": self.ltx.to_json() if self.ltx else None,
        }
