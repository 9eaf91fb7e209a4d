"""Settings for property tests: as many examples as they are worth, no deadline on a shared machine.

`HYPOTHESIS_PROFILE=thorough` runs many more, and random, examples.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def examples(count: int) -> settings:
    """Return settings that try `count` examples, the same ones in every run."""
    return settings(
        max_examples=count * 50 if THOROUGH else count,
        deadline=None,
        derandomize=not THOROUGH,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
