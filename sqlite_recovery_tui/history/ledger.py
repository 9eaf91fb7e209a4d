"""The ledger itself: written so that no failure of it reaches whoever acts, read by number, kind and time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.history import file
from sqlite_recovery_tui.history.entry import HOW, Entry, Proven
from sqlite_recovery_tui.history.facts import stamp
from sqlite_recovery_tui.history.file import BrokenLedger, HistoryError
from sqlite_recovery_tui.history.rows import COLUMNS, from_row, moment_text, parse_moment, storable, to_row

LOGGER = logging.getLogger(__name__)
NAME = "history.db"
MAX_PROOFS = 20_000
"""How many proofs are held in memory; older ones are still in the ledger."""

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM acts"
_PROOFS = """
    SELECT url, id, kind, proof, verdict, position, point_time, coalesce(ended, started) AS at
    FROM acts WHERE proof IS NOT NULL ORDER BY at DESC, id DESC LIMIT ?
"""
T = TypeVar("T")


class Ledger:
    """One ledger; may be used from any thread. It is opened for each question, and closed again."""

    def __init__(self, path: Path, warn: Callable[[str], object] = LOGGER.warning) -> None:
        """Keep acts in `path`, which is made when something is written; tell `warn` once what fails."""
        self.path = path
        self._warn = warn
        self._warned: set[str] = set()
        self._lock = threading.Lock()
        self._proofs: dict[str, tuple[Proven, ...]] = {}
        self._signature: tuple[int, ...] | None = None

    @classmethod
    def open(cls, path: Path | None = None, *, warn: Callable[[str], object] = LOGGER.warning) -> Ledger:
        """Return the ledger at `path`, by default the user's own; nothing is read or made, nothing raised."""
        return cls(path or state_folder() / NAME, warn)

    # write

    def record(self, entry: Entry) -> int | None:
        """Write an act down, or how the act with its number ended; never raises.

        Returns its number in the ledger, or None when it could not be written: `warn` was told why.
        """
        try:
            number = self._in_a_sound_file(lambda: self._write(entry))
        except HistoryError as error:
            self._tell(str(error))
            number = None
        except Exception as fault:  # a fault of the ledger is no reason to fail a recovery
            LOGGER.exception("the history failed")
            self._tell(f"the history {self.path} failed: {type(fault).__name__}: {fault}")
            number = None
        self._forget()
        return number

    def checked(self, path: Path, integrity: str, report: Mapping[str, Any]) -> None:
        """Add to the restore that made `path`, if the file is as it was left, what a check of it found.

        A restore that was checked, then or later, proves its replica. Never raises.
        """
        try:
            made = self.restored(path)
        except HistoryError:
            return  # whoever records the check itself is told
        if made is None or made.integrity is not None or made.results.get("file") != stamp(path):
            return
        outcome = "damaged" if integrity == "damaged" else made.outcome
        results = {**made.results, "integrity": dict(report)}
        self.record(replace(made, integrity=integrity, outcome=outcome, results=results))

    def _write(self, entry: Entry) -> int:
        row = to_row(entry)
        with file.writing(self.path) as connection:
            if entry.id is not None:
                changes = ", ".join(f'"{name}" = ?' for name in row)
                done = connection.execute(
                    f"UPDATE acts SET {changes} WHERE id = ?", [*row.values(), entry.id]
                )
                if done.rowcount:
                    return entry.id
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            made = connection.execute(f"INSERT INTO acts ({names}) VALUES ({marks})", list(row.values()))
            return int(made.lastrowid or 0)

    def _in_a_sound_file(self, work: Callable[[], T]) -> T:
        """Do `work`; where the file is broken, set it aside and do it again in a new one."""
        try:
            return work()
        except BrokenLedger as broken:
            kept = file.set_aside(self.path, broken)
            if kept is not None:
                self._tell(f"{broken}; it is kept as {kept}, and a new one begins")
            return work()

    def _tell(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._warn(message)

    # read

    def entries(
        self,
        *,
        kind: str | None = None,
        database: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """Return acts, the newest first: of a kind, of a database, replica or URL, begun in a span of time.

        Raises `HistoryError` when the ledger cannot be read.
        """
        conditions = {
            "kind = ?": [kind] if kind else None,
            "started >= ?": [moment_text(since)] if since else None,
            "started <= ?": [moment_text(until)] if until else None,
            "(database = ? OR database LIKE ? ESCAPE '\\' OR url = ? OR output = ?)": _named(database),
        }
        given = {text: values for text, values in conditions.items() if values}
        where = f" WHERE {' AND '.join(given)}" if given else ""
        values: list[Any] = [value for each in given.values() for value in each]
        order = " ORDER BY started DESC, id DESC LIMIT ?"
        return self._ask(f"{_SELECT}{where}{order}", [*values, -1 if limit is None else limit])

    def entry(self, number: int) -> Entry:
        """Return one act; raise `NotFoundError` when there is none of that number, and `HistoryError`."""
        found = self._ask(f"{_SELECT} WHERE id = ?", [number])
        if not found:
            raise NotFoundError(
                f"there is no act {number} in the history",
                object=str(self.path),
                hint="`sqlrecover history` lists them",
            )
        return found[0]

    def restored(self, output: Path) -> Entry | None:
        """Return the newest restore to `output` that succeeded, None without one; raise `HistoryError`."""
        where = "WHERE output = ? AND kind = 'restore' AND outcome = 'ok' ORDER BY id DESC LIMIT 1"
        found = self._ask(f"{_SELECT} {where}", [str(output.absolute())])
        return found[0] if found else None

    def _ask(self, statement: str, values: Sequence[Any]) -> list[Entry]:
        def work() -> list[Entry]:
            with file.reading(self.path) as connection:
                known = [storable(value) for value in values]
                rows = connection.execute(statement, known).fetchall() if connection else []
            return [from_row(row) for row in rows]

        return self._in_a_sound_file(work)

    # proofs

    def last_proof(self, url: str) -> Proven | None:
        """Return when a replica was last shown to be restorable; None when it never was."""
        return next((proof for proof in self._all(url) if proof.ok), None)

    def last_failure(self, url: str) -> Proven | None:
        """Return the last look at a replica if that found it damaged; None when it did not."""
        newest = next(iter(self._all(url)), None)
        return newest if newest is not None and not newest.ok else None

    def proofs(self, url: str) -> tuple[Proven, ...]:
        """Return every time a replica was shown to be restorable, the newest first."""
        return tuple(proof for proof in self._all(url) if proof.ok)

    def all_proofs(self) -> dict[str, tuple[Proven, ...]]:
        """Return by URL what was shown of replicas, damage included, the newest first; never raises.

        Read again only after something was recorded, by whichever process.
        """
        signature = self._signature_now()
        with self._lock:
            if signature is not None and signature == self._signature:
                return self._proofs
        try:
            found = self._in_a_sound_file(self._read_proofs)
        except HistoryError as error:
            self._tell(str(error))
            return self._proofs
        with self._lock:
            self._proofs, self._signature = found, signature
        return found

    def _all(self, url: str) -> tuple[Proven, ...]:
        return self.all_proofs().get(url, ())

    def _read_proofs(self) -> dict[str, tuple[Proven, ...]]:
        with file.reading(self.path) as connection:
            rows = connection.execute(_PROOFS, [MAX_PROOFS]).fetchall() if connection else []
        by_url: dict[str, list[Proven]] = {}
        for row in rows:
            by_url.setdefault(row[0], []).append(_proven(row))
        return {url: tuple(proofs) for url, proofs in by_url.items()}

    def _signature_now(self) -> tuple[int, ...] | None:
        """Return what changes whenever the ledger does; None when there is none."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _forget(self) -> None:
        with self._lock:
            self._signature = None


def _named(database: str | None) -> list[str] | None:
    """Return what is compared with a name: itself, and the end of a path."""
    if not database:
        return None
    escaped = database.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    path = str(Path(database).absolute()) if "://" not in database else database
    return [database, f"%/{escaped}", database, path]


def _proven(row: Sequence[Any]) -> Proven:
    _, number, kind, proof, verdict, place, point_time, at = row
    return Proven(
        point_time=parse_moment(point_time),
        place=place or "",
        at=parse_moment(at) or datetime.fromtimestamp(0, UTC),
        how=HOW.get(kind, kind),
        verdict="damaged" if proof == "failed" else verdict or "",
        entry=number,
    )
