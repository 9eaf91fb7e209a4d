"""Settings for property tests: a third of the examples they are worth, no deadline on a shared machine.

A soak tries all of them, `HYPOTHESIS_PROFILE=thorough` many more, and random ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.support.soak import usually

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
LEAST = 25


def examples(count: int) -> settings:
    """Return settings that try `count` examples in a soak, fewer otherwise; the same ones in every run."""
    few = min(count, max(LEAST, count // 3))
    return settings(
        max_examples=count * 50 if THOROUGH else usually(few, count),
        deadline=None,
        derandomize=not THOROUGH,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
