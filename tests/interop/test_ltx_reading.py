"""Our decoder and the slow reading take and refuse the same files, whole or spoilt, and read the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.read import decode_file, decode_many
from tests.support import ltx_oracle as oracle
from tests.support.properties import examples

PAGE_SIZE = 512
TIME = 1_774_519_200_000

images = st.one_of(
    st.binary(min_size=PAGE_SIZE, max_size=PAGE_SIZE),
    st.binary(min_size=1, max_size=8).map(lambda some: some.ljust(PAGE_SIZE, b"\0")),
    st.just(bytes(PAGE_SIZE)),
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw a file, mostly one that obeys the rules."""
    count = draw(st.integers(1, 4))
    low = draw(st.integers(1, 3))
    high = low + draw(st.integers(0, 3))
    numbers = range(1, count + 1) if low == 1 else sorted(draw(st.sets(st.integers(1, 300), max_size=4)))
    commit = count if low == 1 else max([*numbers, draw(st.integers(1, 300))])
    pages = {number: draw(images) for number in numbers}
    ltx = oracle.Ltx(PAGE_SIZE, commit, low, high, TIME, pages)
    fields = draw(
        st.one_of(
            st.just({}),
            st.just({"wal_offset": 32, "wal_size": 5 * 536, "salt1": 7, "salt2": 8}),
            st.fixed_dictionaries({"node": st.integers(0, 2**64 - 1)}),
            st.fixed_dictionaries({"commit": st.integers(0, 300)}),
            st.fixed_dictionaries({"min_txid": st.integers(0, 4)}),
            st.fixed_dictionaries({"salt1": st.integers(0, 1)}),
            st.fixed_dictionaries({"pre_apply": st.integers(0, 1)}),
            st.just({"flags": 0}),
            st.just({"flags": 0, "pre_apply": oracle.SEAL}),
        )
    )
    return oracle.write(replace(ltx, **fields), encoding=draw(st.integers(0, 1)))


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Draw a file, and most often spoil it; sometimes it is sealed anew after that."""
    data = bytearray(draw(files()))
    at = draw(st.integers(0, len(data) - 1))
    match draw(st.sampled_from(["nothing", "flip", "set", "cut", "insert", "remove", "double"])):
        case "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        case "set":
            data[at : at + 4] = draw(st.binary(min_size=4, max_size=4))[: len(data) - at]
        case "cut":
            del data[at:]
        case "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=20))
        case "remove":
            del data[at : at + draw(st.integers(1, 20))]
        case "double":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
    if draw(st.booleans()):
        return bytes(data)
    try:
        return oracle.reseal(bytes(data))
    except oracle.Damaged:
        return bytes(data)


def _slow(data: bytes) -> oracle.Ltx | None:
    try:
        return oracle.read(data)
    except oracle.Damaged:
        return None


@given(spoilt())
@example(b"")
@examples(800)
def test_both_read_the_same(data: bytes) -> None:
    slow = _slow(data)
    try:
        fast = decode_file(data)
    except FormatError:
        assert slow is None
        return
    assert slow is not None
    assert (fast.header.min_txid, fast.header.max_txid) == (slow.min_txid, slow.max_txid)
    assert (fast.header.commit, fast.header.page_size) == (slow.commit, slow.page_size)
    pages = {number: page.tobytes() for number, page in zip(fast.pgno.tolist(), fast.pages, strict=True)}
    assert pages == slow.pages


@given(st.lists(spoilt(), min_size=2, max_size=6))
@examples(150)
def test_damage_of_one_does_not_touch_the_others(many: list[bytes]) -> None:
    for data, found in zip(many, decode_many(many), strict=True):
        slow = _slow(data)
        if slow is None:
            assert isinstance(found, FormatError)
        else:
            assert not isinstance(found, FormatError)
            assert [page.tobytes() for page in found.pages] == list(slow.pages.values())
