"""Files of the operator's own made from a database: complete or not there, and never in place of another."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.durable import NEW, fsync_folder, write_all
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.view import WHOLE, View
from sqlite_recovery_tui.words import size

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.inspector import ExportForm, Inspector
    from sqlite_recovery_tui.sqlite.messages import ExportReport
    from sqlite_recovery_tui.sqlite.values import Spot

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
FORMS: dict[str, ExportForm] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".sql": "sql",
}
"""What the end of a name says of the form."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: a table in some view of it, or the answer to a statement."""

    table: str = ""
    view: View = WHOLE
    sql: str = ""
    create: bool = True
    """Whether SQL makes the table before it fills it."""

    @property
    def title(self) -> str:
        return self.table or "the answer"


def export(
    inspector: Inspector,
    wanted: Wanted,
    output: Path,
    form: ExportForm,
    *,
    seconds: float | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Write every row that is `wanted` to the new file `output`, readable by its owner only.

    Raises `RefusedError` for a file that exists or cannot be made, else as `Inspector.export`; then nothing
    is left.
    """
    written = 0

    def report(state: Progress) -> None:
        progress(Progress(state.phase, state.done, state.total, state.unit, f"{size(written)} written"))

    with new_file(output) as write:

        def take(data: bytes) -> None:
            nonlocal written
            write(data)
            written += len(data)

        return inspector.export(
            take,
            form=form,
            table=wanted.table,
            view=wanted.view,
            sql=wanted.sql,
            name=output.stem or "answer",
            create=wanted.create,
            seconds=seconds,
            progress=report,
            cancel=cancel,
        )


def save_value(
    inspector: Inspector,
    spot: Spot,
    output: Path,
    *,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> int:
    """Write the bytes of one value to the new file `output` and return how many; raises as `export`."""
    with new_file(output) as write:
        return inspector.value_bytes(spot, write, progress=progress, cancel=cancel).size_bytes


@contextmanager
def new_file(output: Path) -> Iterator[Callable[[bytes], None]]:
    """Give a function that writes to a file which becomes `output` when the block ends well.

    It is made with mode 0600 and on disk before it has its name. Raises `RefusedError`.
    """
    if os.path.lexists(output):
        raise _exists(output)
    draft = output.with_name(f".{output.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(draft, NEW, 0o600)
    except (OSError, ValueError) as error:
        raise _refused(output, error) from None
    try:
        with open(descriptor, "wb", buffering=0) as file:
            yield lambda data: _write(file.fileno(), data, output)
            os.fsync(file.fileno())
        _name(draft, output)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _write(descriptor: int, data: bytes, output: Path) -> None:
    try:
        write_all(descriptor, data)
    except OSError as error:
        raise RecoverError(
            f"cannot write {output}: {error.strerror}",
            object=str(output),
            hint="Nothing was left of it; make room, or choose another place.",
        ) from None


def _name(draft: Path, output: Path) -> None:
    try:
        os.link(draft, output)  # unlike a rename, a link never replaces what appeared meanwhile
    except FileExistsError:
        raise _exists(output) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise _refused(output, error) from None
        if os.path.lexists(output):
            raise _exists(output) from None
        draft.rename(output)
    fsync_folder(output.parent)


def _exists(output: Path) -> RefusedError:
    hint = "Choose another name: no file is ever replaced."
    return RefusedError(f"{output} exists already", object=str(output), hint=hint)


def _refused(output: Path, error: OSError | ValueError) -> RefusedError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return RefusedError(f"cannot write {output}: {why}", object=str(output), hint="Choose another place.")
