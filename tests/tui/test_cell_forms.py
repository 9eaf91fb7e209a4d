"""One value in its forms: nothing of it is lost, nothing is wider than the screen."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.tui.cell_forms import dates_of, forms_of, pretty_json
from sqlite_recovery_tui.tui.image_kind import Picture, picture_of
from tests.support.properties import examples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
@examples(60)
def test_pretty_json_means_the_same(value: object) -> None:
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert json.loads("\n".join(pretty_json(written))) == value


def test_json_keeps_its_digits_and_its_doubles() -> None:
    assert pretty_json('{"a": 1.10000000000000000001, "a": {}, "b": []}') == [
        "{",
        '  "a": 1.10000000000000000001,',
        '  "a": {},',
        '  "b": []',
        "}",
    ]


@pytest.mark.parametrize("text", ["{", '{"a": }', "[1, 2", "[" * 100_000, "{} {}", "nothing"])
def test_what_is_no_json_has_no_such_form(text: str) -> None:
    assert forms_of(text, 80, whole=True).json == ()


def test_a_beginning_is_never_taken_for_json() -> None:
    assert forms_of("[1]", 80, whole=False).json == ()
    assert forms_of(" [1]", 80, whole=True).json == ("[", "  1", "]")


def test_long_lines_go_on_in_the_next() -> None:
    shown = forms_of("a" * 100 + "\nb\r\n" + "表" * 30, 40, whole=True).text
    assert shown == ("a" * 40, "a" * 40, "a" * 20, "b", "表" * 20, "表" * 10)


def test_lines_are_broken_behind_words_and_lose_nothing() -> None:
    words = "CREATE TABLE goods(id INTEGER PRIMARY KEY, kind TEXT NOT NULL)"
    shown = forms_of(words, 30, whole=True).text
    assert shown == ("CREATE TABLE goods(id INTEGER ", "PRIMARY KEY, kind TEXT NOT ", "NULL)")
    assert "".join(shown) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1774519200, ["2026-03-26 10:00:00Z as Unix seconds"]),
        (1774519200123, ["2026-03-26 10:00:00.123Z as Unix milliseconds"]),
        (2461125.9166666665, ["2026-03-26 10:00:00Z as a Julian day"]),
        (42, []),
        (-1, []),
        (float("inf"), []),
    ],
)
def test_numbers_hint_at_moments(number: float, words: list[str]) -> None:
    assert dates_of(number) == words


def _png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def _jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9) + b"\xff" + frame


PICTURES = {
    "PNG": _png(640, 480),
    "JPEG": _jpeg(640, 480),
    "GIF": b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(3),
    "BMP": b"BM" + bytes(12) + struct.pack("<Iii", 40, 640, -480) + bytes(20),
    "WebP": b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(8) + b"\x7f\x02\0\xdf\x01\0",
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_tell_their_size(kind: str) -> None:
    assert picture_of(PICTURES[kind]) == Picture(kind, 640, 480)


def test_other_webp_headers_tell_their_size_too() -> None:
    lossless = b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 479 << 14)
    lossy = (
        b"RIFF"
        + bytes(4)
        + b"WEBPVP8 "
        + bytes(4)
        + bytes(3)
        + b"\x9d\x01\x2a"
        + struct.pack("<HH", 640, 480)
    )
    assert picture_of(lossless) == picture_of(lossy) == Picture("WebP", 640, 480)


@given(st.sampled_from(sorted(PICTURES)), st.integers(0, 60), st.binary(max_size=40))
@examples(100)
def test_broken_pictures_are_no_failure(kind: str, cut: int, more: bytes) -> None:
    picture_of(PICTURES[kind][:cut] + more)


@pytest.mark.parametrize("data", [b"", b"BMW is a car and no picture", b"RIFF....WAVE", b"text"])
def test_what_is_no_picture_is_none(data: bytes) -> None:
    assert picture_of(data) is None
