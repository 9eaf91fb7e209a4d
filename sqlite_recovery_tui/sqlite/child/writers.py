"""Rows as CSV and JSON text, exactly; what a format cannot hold is counted and said.

A value comes as None, a number, bytes (text in the encoding of the database), a str (a blob in hexadecimal)
or `Large`. Texts that are no valid text become U+FFFD here; only SQL can hold them.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_CSV_QUOTED = re.compile(r'[",\r\n]|^[ \t]|[ \t]\Z|^\Z')


@dataclass(frozen=True)
class Large:
    """A text or blob that is only ever held in pieces."""

    is_text: bool
    pieces: Callable[[], Iterator[bytes]]


Value = None | int | float | bytes | str | Large


class Writer(ABC):
    """What every format shares: text of the database, decoded."""

    def __init__(self, codec: str) -> None:
        """Decode texts with `codec`."""
        self._codec = codec
        self._decoder = codecs.getincrementaldecoder(codec)
        self.replaced = 0
        """Values in which U+FFFD stands for what is no text."""

    @abstractmethod
    def begin(self, columns: Sequence[str]) -> Iterator[str]:
        """Yield what stands before the rows."""

    @abstractmethod
    def row(self, values: Sequence[Value]) -> Iterator[str]:
        """Yield one row, in pieces."""

    def end(self) -> Iterator[str]:
        """Yield what stands behind the rows."""
        yield from ()

    def _text(self, data: bytes) -> str:
        try:
            return data.decode(self._codec)
        except UnicodeDecodeError:
            self.replaced += 1
            return data.decode(self._codec, "replace")

    def _texts(self, large: Large) -> Iterator[str]:
        decoder, doubtful = self._decoder("replace"), False
        for piece in large.pieces():
            text = decoder.decode(piece)
            doubtful = doubtful or "\ufffd" in text
            yield text
        rest = decoder.decode(b"", final=True)
        self.replaced += doubtful or bool(rest)
        yield rest


class CsvWriter(Writer):
    """Lines as RFC 4180 has them; NULL is nothing, an empty text is `""`, a blob is `x'00ff'`."""

    def begin(self, columns: Sequence[str]) -> Iterator[str]:
        self._alone = len(columns) == 1
        yield ",".join(_field(name) for name in columns) + "\r\n"

    def row(self, values: Sequence[Value]) -> Iterator[str]:
        if not any(isinstance(value, Large) for value in values):
            line = ",".join([self._small(value) for value in values])
            # An empty line would be no row at all.
            yield (line or '""' if self._alone else line) + "\r\n"
            return
        for number, value in enumerate(values):
            yield "," if number else ""
            yield from self._large(value) if isinstance(value, Large) else (self._small(value),)
        yield "\r\n"

    def _small(self, value: Value) -> str:
        if value is None:
            return ""
        if isinstance(value, bytes):
            return _field(self._text(value))
        return f"x'{value.lower()}'" if isinstance(value, str) else repr(value)

    def _large(self, large: Large) -> Iterator[str]:
        if not large.is_text:
            yield "x'"
            yield from (piece.hex() for piece in large.pieces())
            yield "'"
            return
        yield '"'
        for text in self._texts(large):
            yield text.replace('"', '""')
        yield '"'


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _CSV_QUOTED.search(text) else text


class JsonWriter(Writer):
    """An array of objects, one to a line; a blob is `{"blob": "00ff"}`, an infinity 1e999."""

    opening, between, closing = "[\n", ",\n", "\n]\n"

    def begin(self, columns: Sequence[str]) -> Iterator[str]:
        names = [json.dumps(name, ensure_ascii=False) + ": " for name in unique(columns)]
        self._heads = ["{" + names[0], *(", " + name for name in names[1:])]
        self._first = True
        yield self.opening

    def row(self, values: Sequence[Value]) -> Iterator[str]:
        if self._first:
            self._first = False
        else:
            yield self.between
        if not any(isinstance(value, Large) for value in values):
            yield "".join(
                [head + self._small(value) for head, value in zip(self._heads, values, strict=True)]
            )
        else:
            for head, value in zip(self._heads, values, strict=True):
                yield head
                yield from self._large(value) if isinstance(value, Large) else (self._small(value),)
        yield "}"

    def end(self) -> Iterator[str]:
        yield self.closing

    def _small(self, value: Value) -> str:
        if value is None:
            return "null"
        if isinstance(value, bytes):
            return json.dumps(self._text(value), ensure_ascii=False)
        if isinstance(value, str):
            return f'{{"blob": "{value.lower()}"}}'
        return number(value) if isinstance(value, int | float) else ""

    def _large(self, large: Large) -> Iterator[str]:
        if large.is_text:
            yield '"'
            yield from (json.dumps(text, ensure_ascii=False)[1:-1] for text in self._texts(large))
            yield '"'
        else:
            yield '{"blob": "'
            yield from (piece.hex() for piece in large.pieces())
            yield '"}'


class JsonLinesWriter(JsonWriter):
    """One object to a line and nothing else."""

    opening, between, closing = "", "\n", "\n"

    def end(self) -> Iterator[str]:
        yield "" if self._first else self.closing


def number(value: int | float) -> str:
    """Return a number with all its digits; an infinity as what is too large for any reader."""
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return repr(value)


def unique(names: Sequence[str]) -> list[str]:
    """Return names that are all different: later ones of the same name get a number."""
    found: dict[str, None] = {}
    for name in names:
        candidate, count = name, 2
        while candidate in found:
            candidate, count = f"{name}:{count}", count + 1
        found[candidate] = None
    return list(found)
