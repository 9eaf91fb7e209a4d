"""The exception tree. Each leaf has the exit code of the command line and a hint for the operator.

    RecoverError                 1  failed
    ├── UsageError               2  wrong command line
    │   ├── ConfigError          2  wrong configuration: file, line, key
    │   └── StatementError       2  SQL that cannot be run; carries where in it
    ├── NotFoundError            3  no such database, replica or restore point
    │   └── OutsideCoverage      3  the time asked for is not covered; carries the nearest points
    ├── DamagedError             4  the replica is damaged or incomplete; carries the good points around
    │   └── FormatError          4  bytes that are not what their format says
    ├── VerificationFailed       5  restored, but a check failed
    ├── StorageError             6  storage unreachable, or an operation on it failed
    │   ├── ObjectNotFound       6  the key is not there
    │   ├── AccessDenied         6  credentials missing, wrong, or not allowed to do this
    │   ├── BucketNotFound       6  the bucket, container or directory is not there
    │   ├── WrongRegion          6  the bucket lives in another region
    │   ├── ClockSkew            6  this machine's clock is too far off
    │   ├── Unreachable          6  nothing answers at the endpoint
    │   └── ShortBody            6  fewer bytes arrived than the object has
    ├── InspectorError           1  looking into a database did not get an answer
    │   ├── InspectorDied        1  the process that looked into it crashed or was stopped
    │   └── TimedOut             1  it took longer than it may
    ├── WorkerDied               1  the process that did the work died
    ├── RefusedError             7  the target exists, is in use, or was not confirmed
    └── Cancelled              130  interrupted

Our own faults (a broken invariant) are ordinary Python exceptions, never one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import RestorePoint


class RecoverError(Exception):
    """Something the operator should know about: what failed, on which object, what to do next."""

    code: ClassVar[int] = 1
    kind: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str = "", object: str = "") -> None:
        """Say what failed in `message`, on which key or path in `object`, what to do in `hint`."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.object = object

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> dict[str, Any]:
        """Return the error as the command line's `--json` contract has it."""
        return {
            "code": self.code,
            "kind": self.kind,
            "message": self.message,
            "object": self.object or None,
            "hint": self.hint or None,
        }


class UsageError(RecoverError):
    """The command line cannot be carried out as it was typed."""

    code, kind = 2, "usage"


class ConfigError(UsageError):
    """The configuration file is wrong: where, which key, what is expected."""

    kind = "config"

    def __init__(self, message: str, *, file: str = "", line: int = 0, key: str = "", hint: str = "") -> None:
        """Name the place as `file`, 1-based `line` (0: unknown) and dotted `key`."""
        super().__init__(message, hint=hint, object=key)
        self.file = file
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        return f"{place}: {self.message}" if place else self.message

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "file": self.file or None, "line": self.line or None}


class StatementError(UsageError):
    """A statement or condition that SQLite does not take, in its words."""

    kind = "sql"

    def __init__(self, message: str, *, object: str = "", hint: str = "", offset: int | None = None) -> None:
        """Say what is wrong at byte `offset` (UTF-8) of what was typed; None where nobody knows."""
        super().__init__(message, object=object, hint=hint)
        self.offset = offset

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "offset": self.offset}


class NotFoundError(RecoverError):
    """There is no such database, replica or restore point."""

    code, kind = 3, "not-found"


class OutsideCoverage(NotFoundError):
    """The time asked for lies before the first or after the last restore point."""

    kind = "outside-coverage"

    def __init__(
        self,
        message: str,
        *,
        before: RestorePoint | None = None,
        after: RestorePoint | None = None,
        hint: str = "",
    ) -> None:
        """Carry the nearest restore points `before` and `after` the time that was asked for."""
        super().__init__(message, hint=hint)
        self.before = before
        self.after = after

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), **_points(nearest_before=self.before, nearest_after=self.after)}


class DamagedError(RecoverError):
    """A replica is damaged or incomplete: which object, what is lost, where good data begins and ends."""

    code, kind = 4, "damaged"

    def __init__(
        self,
        message: str,
        *,
        object: str = "",
        hint: str = "",
        last_good: RestorePoint | None = None,
        next_good: RestorePoint | None = None,
    ) -> None:
        """Carry the last good point before the damage and the next good snapshot after it."""
        super().__init__(message, hint=hint, object=object)
        self.last_good = last_good
        self.next_good = next_good

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), **_points(last_good=self.last_good, next_good=self.next_good)}


class FormatError(DamagedError):
    """Bytes that are not what their format says; `offset` is where, in decoded bytes."""

    kind = "format"

    def __init__(self, message: str, *, object: str = "", hint: str = "", offset: int = 0) -> None:
        """Say what is wrong at byte `offset` of `object`."""
        super().__init__(message, object=object, hint=hint)
        self.offset = offset


class VerificationFailed(RecoverError):
    """The database was restored, but a check of it failed."""

    code, kind = 5, "verification-failed"


class StorageError(RecoverError):
    """An operation on the storage failed for good: which operation, on which key."""

    code, kind = 6, "storage"

    def __init__(self, message: str, *, operation: str = "", object: str = "", hint: str = "") -> None:
        """Name the `operation` (list, get, put, delete) and the key it was for in `object`."""
        super().__init__(message, hint=hint, object=object)
        self.operation = operation

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "operation": self.operation or None}


class ObjectNotFound(StorageError):
    """The key is not there."""

    kind = "object-not-found"


class AccessDenied(StorageError):
    """Credentials are missing, wrong, or not allowed to do this."""

    kind = "access-denied"


class BucketNotFound(StorageError):
    """The bucket, container or directory is not there."""

    kind = "bucket-not-found"


class WrongRegion(StorageError):
    """The bucket lives in another region than the one asked."""

    kind = "wrong-region"


class ClockSkew(StorageError):
    """The server refuses because this machine's clock is too far off."""

    kind = "clock-skew"


class Unreachable(StorageError):
    """Nothing answers at the endpoint."""

    kind = "unreachable"


class ShortBody(StorageError):
    """Fewer bytes arrived than the object has."""

    kind = "short-body"


class InspectorError(RecoverError):
    """Looking into an untrusted database did not get an answer."""

    kind = "inspector"


class InspectorDied(InspectorError):
    """The process that looked into the database crashed, hung, or used more than it may."""

    kind = "inspector-died"


class TimedOut(InspectorError):
    """Looking into the database took longer than it may."""

    kind = "timed-out"


class WorkerDied(RecoverError):
    """The process that did the work crashed or was killed; what it had written down is still there."""

    kind = "worker-died"


class RefusedError(RecoverError):
    """Not done on purpose: the target exists, is in use, or was not confirmed."""

    code, kind = 7, "refused"


class Cancelled(RecoverError):
    """Stopped because somebody asked for it."""

    code, kind = 130, "interrupted"


def _points(**points: RestorePoint | None) -> dict[str, Any]:
    return {name: point.to_json() if point else None for name, point in points.items()}
