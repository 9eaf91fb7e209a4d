"""Proof of LTX files: every byte of every file, the chain of TXIDs, and that all levels tell one history.

Each file carries a checksum of its own pages, but none ties it to its neighbours. So the finest files are
laid one over the other, and every file that ends at a TXID on the way must leave the same pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlite_recovery_tui.domain import LtxFile, RestorePoint, Txid
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory, PageChunk, Source
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.source import ByteSource, pieces
from sqlite_recovery_tui.storage.many import get_many
from sqlite_recovery_tui.verify.agreement import Agreement, Sheet
from sqlite_recovery_tui.verify.proof import Fault, LineageProof

SMALL_BYTES = 4 << 20
"""Files up to this size are fetched whole, several at a time; larger ones are read as they come."""


@dataclass
class LtxProver:
    """Proves one replica's LTX files; what does not hold is collected, not raised."""

    fetcher: Fetcher
    lineage: LtxLineage
    count: Callable[[str], None]
    """Told each file that was read."""
    following: RestorePoint | None
    """Where history goes on behind these files."""
    _faults: list[Fault] = field(default_factory=list)
    _unproven: list[str] = field(default_factory=list)
    _unreadable: set[str] = field(default_factory=set)
    _attested: list[int] = field(default_factory=list)

    def prove(self) -> LineageProof:
        """Read every file and hold it against those of other levels."""
        for gap in self.lineage.gaps:
            if gap.is_damage:
                self._faults.append(Fault(gap.object, gap.message, None, gap.before, gap.after))
        state = Agreement()
        # Of the files that end at one TXID the one with the shortest span comes first.
        files = sorted(self.lineage.files, key=lambda file: (file.max_txid, -file.min_txid, file.level))
        for file, source in self._sources(files):
            sheet = self._read(file, source)
            if sheet is not None:
                self._hold_against(state, file, sheet)
            self.count(file.key)
        end = Txid(state.txid) if state.txid else None
        faults = tuple(self._with_points(fault) for fault in self._faults)
        attested = tuple(sorted(set(self._attested)))
        return LineageProof(self.lineage.title, None, faults, tuple(self._unproven), attested, end)

    def _sources(self, files: Sequence[LtxFile]) -> Iterator[tuple[LtxFile, Source]]:
        """Yield each file with its bytes; one that is gone since the listing is left out and said."""
        waiting = list(reversed(files))
        while waiting:
            if waiting[-1].size > SMALL_BYTES:
                file = waiting.pop()
                yield file, self._large(file)
                continue
            start = len(waiting)
            while start and waiting[start - 1].size <= SMALL_BYTES:
                start -= 1
            small = list(reversed(waiting[start:]))
            del waiting[start:]
            yield from self._small(small)

    def _large(self, file: LtxFile) -> Source:
        raw = pieces(
            self.fetcher.store,
            file.key,
            file.size,
            cancel=self.fetcher.cancel,
            parallelism=self.fetcher.parallelism,
        )
        self.fetcher.objects_fetched += 1
        self.fetcher.bytes_fetched += file.size
        return ByteSource(raw)

    def _small(self, files: Sequence[LtxFile]) -> Iterator[tuple[LtxFile, Source]]:
        rest = list(files)
        while rest:
            bodies = get_many(
                self.fetcher.store,
                [file.key for file in rest],
                sizes=[file.size for file in rest],
                concurrency=self.fetcher.parallelism,
                cancel=self.fetcher.cancel,
            )
            done = 0
            try:
                for _, data in bodies:
                    done += 1
                    self.fetcher.objects_fetched += 1
                    self.fetcher.bytes_fetched += len(data)
                    yield rest[done - 1], Memory(data)
            except ObjectNotFound:
                self._gone(rest[done])
                done += 1
            rest = rest[done:]

    def _gone(self, file: LtxFile) -> None:
        self._unproven.append(f"{file.key} was listed but is no longer there: compacted or expired meanwhile")
        self.count(file.key)

    def _read(self, file: LtxFile, source: Source) -> Sheet | None:
        """Return the file's pages as hashes; a file that does not hold is a fault."""
        try:
            reader = LtxReader(source)
            check_name(LtxName(file.level, file.min_txid, file.max_txid), reader.header)
            chunks = ((chunk.pgno.copy(), chunk.pages) for chunk in self._watched(reader))
            return Sheet.of(reader.header.page_size, reader.header.commit, chunks)
        except FormatError as error:
            self._unreadable.add(file.key)
            self._faults.append(Fault(file.key, error.message, None))
        except ObjectNotFound:
            self._gone(file)
        return None

    def _watched(self, reader: LtxReader) -> Iterator[PageChunk]:
        for chunk in reader.chunks():
            self.fetcher.cancel.check()
            yield chunk

    def _hold_against(self, state: Agreement, file: LtxFile, sheet: Sheet) -> None:
        """Go on with the file, or compare it with the state that others gave for its last TXID."""
        if state.follows(file):
            if not file.is_base and sheet.page_size != state.page_size:
                self._find(file, f"its pages have {sheet.page_size} bytes, those before it {state.page_size}")
                return
            missing = state.apply(file, sheet)
            if missing:
                self._find(file, f"page {missing[0]} of the database behind it is in no file")
        elif file.max_txid == state.txid:
            different = state.differences(file, sheet)
            if different:
                pages = "1 page is" if different == 1 else f"{different:,} pages are"
                self._find(file, f"{pages} not what the other files up to this TXID give")
            else:
                self._attested.append(file.max_txid)

    def _find(self, file: LtxFile, message: str) -> None:
        self._faults.append(Fault(file.key, message, None))

    def _with_points(self, fault: Fault) -> Fault:
        """Add the good points around a file, now that it is known which files are good."""
        file = next((item for item in self.lineage.files if item.key == fault.object), None)
        if file is None or fault.last_good or fault.next_good:
            return fault
        good = self.lineage.without({*self._unreadable, fault.object})
        if good.is_restorable(file.max_txid):
            message = f"{fault.message}; other files restore the same state"
            point = next(point for point in good.points() if point.position == file.position)
            return replace(fault, message=message, last_good=point)
        before, after = good.around_txid(file.max_txid)
        return replace(fault, last_good=before, next_good=after or self.following)
