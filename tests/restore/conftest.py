"""What restores are tried with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sqlite_recovery_tui.restore import workers


@pytest.fixture(scope="module")
def two_decoders() -> Iterator[None]:
    """Let as many threads decode as on a machine with processors to spare, however few there are here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "_processors", lambda: workers.MOST + 1)
        yield
