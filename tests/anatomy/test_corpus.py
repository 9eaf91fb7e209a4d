"""Replicas that real Litestream binaries wrote: every object is proven, every page belongs to somebody."""

from __future__ import annotations

from collections import Counter

import pytest

from sqlite_recovery_tui.anatomy.describe import belonging, describe, open_page, page_places
from sqlite_recovery_tui.anatomy.find import objects
from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.storage.open import open_store
from tests.support.corpus import FOLDER, cases


@pytest.mark.parametrize("case", [*cases("v03"), *cases("v05")])
def test_every_object_holds_and_every_page_is_somebodys(case: str) -> None:
    store = open_store(refs(None, str(FOLDER / case / "replica"))[0].replica)
    timeline, access = scan(store), Access(store)
    whose: Counter[bool] = Counter()
    for number, item in enumerate(objects(timeline)):
        found = describe(access, timeline, item)
        assert found.proof.holds, (item.key, found.proof)
        assert not found.faults
        if number % 6 == 0:
            known = belonging(access, timeline, found)
            assert known.census is not None, known.why
            for place in range(page_places(found)):
                page = open_page(access, found, place, known).page
                assert not page.faults
                whose[known.words(page.number).startswith("not known")] += 1
    store.close()
    assert whose[False] > whose[True]
