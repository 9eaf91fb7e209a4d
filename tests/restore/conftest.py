"""What restores are tried with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sqlite_recovery_tui.restore import workers


@pytest.fixture(scope="module")
def two_decoders() -> Iterator[None]:
    """Let as many threads decode as on a machine with processors to spare, however few there are here."""
    yield from _decoders(workers.MOST)


@pytest.fixture(scope="module", params=[1, workers.MOST], ids="{} decoding".format)
def few_or_more_decoders(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let one thread decode, then as many as there may be, however many processors there are here."""
    yield from _decoders(request.param)


def _decoders(count: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "_processors", lambda: count + 1)
        yield
