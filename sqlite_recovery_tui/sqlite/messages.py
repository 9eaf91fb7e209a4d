"""What parent and child of an inspection tell each other: plain values, and their form on the wire.

A reply comes from a process that read hostile bytes, so decoding checks every shape and never trusts a size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

CheckKind = Literal["quick", "full", "foreign-keys"]
Verdict = Literal["ok", "damaged", "not-checkable", "timed-out"]
TableKind = Literal["table", "view", "virtual", "shadow"]
CellType = Literal["null", "integer", "real", "text", "blob"]
RawCell = int | float | str | None

_CODECS = {"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}
_SHORT_BLOB = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """What one inspection may use."""

    memory_bytes: int = 768 << 20
    """Address space of the child."""
    columns: int = 256
    """Columns of a row that are sent."""
    cell_bytes: int = 1024
    """Bytes of a text or blob that are sent."""
    reply_bytes: int = 32 << 20
    call_seconds: float = 30.0
    """Wall clock of a call that lists or pages."""
    check_seconds: float | None = None
    """Wall clock of a check or count; None: as long as it takes, while it shows signs of life."""
    stall_seconds: float = 120.0
    """Silence during a check after which the child is taken for hung."""
    cpu_seconds: int = 6 * 3600
    """CPU time of one check; any other call may use its wall clock."""
    grace_seconds: float = 1.0
    """How long a child may take to stop by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row: small values whole, large ones their beginning."""

    type: CellType
    value: int | float | str | bytes | None
    size_bytes: int
    """Size in the database, 0 for NULL and numbers."""
    truncated: bool = False

    @property
    def text(self) -> str:
        """The value in words, as SQL would write it except for text, which stands as it is (raw)."""
        if self.type == "null":
            return "NULL"
        if isinstance(self.value, bytes):
            more = "…" if self.truncated or len(self.value) > _SHORT_BLOB else ""
            return f"x'{self.value[:_SHORT_BLOB].hex()}{more}'"
        return f"{self.value}…" if self.truncated else str(self.value)


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some consecutive rows; there may be fewer than asked for when they are wide."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    first: int
    """Index of the first row, from 0."""
    has_more: bool
    notice: str = ""
    """What is not shown, or not to be relied on; empty when nothing."""


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column of a table."""

    name: str
    type: str
    """As declared; may be empty."""
    primary_key: int
    """Place in the primary key from 1; 0 when it has none."""
    not_null: bool = False
    generated: bool = False


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One index of a table."""

    name: str
    unique: bool
    origin: str
    """c: CREATE INDEX, u: a UNIQUE constraint, pk: the primary key."""
    partial: bool


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table or view of the schema."""

    name: str
    kind: TableKind
    sql: str
    columns: tuple[ColumnInfo, ...]
    """Empty for views, whose columns are known only once they are read."""
    without_rowid: bool
    indexes: tuple[IndexInfo, ...]
    module: str = ""
    """Of a virtual table."""
    notice: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseSummary:
    """What the header and the schema say of the whole database."""

    page_size: int
    pages: int
    size_bytes: int
    encoding: str
    journal_mode: Literal["wal", "rollback"]
    user_version: int
    application_id: int
    freelist_pages: int
    schema_objects: int
    sqlite_version: str
    """Of the program that wrote last, "3.45.1"."""
    notice: str = ""
    """How the file was opened when it could not be opened in place."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of one check."""

    kind: CheckKind
    verdict: Verdict
    messages: tuple[str, ...]
    seconds: float
    notice: str = ""

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command line's `--json` contract has it."""
        return {**asdict(self), "messages": list(self.messages), "ok": self.ok}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export handed out."""

    rows: int
    bytes: int
    notices: tuple[str, ...]
    """What is not in it, or not as it is in the database."""


def decode_cell(raw: RawCell, encoding: str) -> Cell:
    """Read a cell off the wire; text and blobs come as `t` or `b`, size, colon, hexadecimal prefix.

    Raises `ValueError` for what is none.
    """
    if raw is None:
        return Cell("null", None, 0)
    if isinstance(raw, int):
        return Cell("integer", raw, 0)
    if isinstance(raw, float):
        return Cell("real", raw, 0)
    head, _, digits = raw.partition(":")
    data, size = bytes.fromhex(digits), int(head[1:])
    truncated = len(data) < size
    if head[0] == "b":
        return Cell("blob", data, size, truncated)
    if head[0] != "t":
        raise ValueError("a cell of unknown type")
    return Cell("text", decode_text(data, encoding, cut=truncated), size, truncated)


def codec_of(encoding: str) -> str:
    """Return the codec for texts of a database with this encoding."""
    return _CODECS.get(encoding, "utf-8")


def decode_text(data: bytes, encoding: str, *, cut: bool = False) -> str:
    """Decode text of a database, U+FFFD for what is invalid; `cut`: a partial last character is dropped."""
    codec = codec_of(encoding)
    if not cut:
        return data.decode(codec, "replace")
    import codecs

    return codecs.getincrementaldecoder(codec)("replace").decode(data, final=False)


def encode_text(text: str, encoding: str) -> bytes:
    """Encode text as the database stores it."""
    return text.encode(codec_of(encoding), "replace")


def decode_page(raw: dict[str, Any]) -> RowPage:
    """Read a page of rows off the wire; raise `ValueError`, `KeyError` or `TypeError` when it is none."""
    encoding = str(raw["encoding"])
    return RowPage(
        columns=tuple(str(name) for name in raw["columns"]),
        rows=tuple(tuple(decode_cell(cell, encoding) for cell in row) for row in raw["rows"]),
        first=int(raw["first"]),
        has_more=bool(raw["has_more"]),
        notice=str(raw["notice"]),
    )


def decode_tables(raw: list[dict[str, Any]]) -> tuple[TableInfo, ...]:
    """Read the list of tables off the wire; raise `KeyError` or `TypeError` when it is none."""
    return tuple(_decode_table(each) for each in raw)


def decode_export(raw: dict[str, Any]) -> ExportReport:
    """Read what an export says of itself off the wire; raise `KeyError` or `TypeError` when it is none."""
    return ExportReport(int(raw["rows"]), int(raw["bytes"]), tuple(str(each) for each in raw["notices"]))


def decode_verdict(raw: dict[str, Any]) -> tuple[Verdict, tuple[str, ...]]:
    """Read a check's verdict and messages off the wire; raise `ValueError` or `KeyError` when it is none."""
    if raw["verdict"] not in get_args(Verdict):
        raise ValueError("an unknown verdict")
    return raw["verdict"], tuple(str(message) for message in raw["messages"])


def _decode_table(raw: dict[str, Any]) -> TableInfo:
    columns = tuple(ColumnInfo(*column) for column in raw.pop("columns"))
    indexes = tuple(IndexInfo(*index) for index in raw.pop("indexes"))
    return TableInfo(columns=columns, indexes=indexes, **raw)
