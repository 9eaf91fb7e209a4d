"""The sample incident, built once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sqlite_recovery_tui.demo import DemoIncident, build

NOW = datetime(2026, 3, 26, 12, 0, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> DemoIncident:
    """The sample incident as of `NOW`; only to be read."""
    return build(tmp_path_factory.mktemp("incident") / "demo", now=NOW)
