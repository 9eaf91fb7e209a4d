"""The `sqlrecover:` sections: our own settings, handed down from file to database to replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlite_recovery_tui.config.models import Assertion, Threshold, Thresholds
from sqlite_recovery_tui.config.paths import absolute
from sqlite_recovery_tui.config.walk import Section

_LEAST_MEMORY = 16 << 20

Changes = dict[str, Any]
"""Field of `Options` → value, for the fields that were given."""


def read_options(section: Section, inherited: Changes, environ: Mapping[str, str]) -> Changes:
    """Return the options of `section`, those it does not name as they were `inherited`."""
    given: Changes = {
        "scratch_dir": _scratch_dir(section, environ),
        "scratch_keep": section.get("scratch-keep"),
        "scratch_max": section.get("scratch-max"),
        "memory_bytes": _memory(section),
        "promote_mode": section.get("promote-mode"),
        "undo_keep": section.get("undo-keep"),
        "undo_max": section.get("undo-max"),
        "assertions": _assertions(section),
        "thresholds": _thresholds(section, inherited.get("thresholds", Thresholds())),
    }
    return inherited | {name: value for name, value in given.items() if value is not None}


def _scratch_dir(section: Section, environ: Mapping[str, str]) -> Any:
    written = section.get("scratch-dir")
    return absolute(written, environ) if written else None


def _memory(section: Section) -> int | None:
    memory: int | None = section.get("memory")
    if memory is not None and memory < _LEAST_MEMORY:
        raise section.at("memory").error("expected at least 16MiB; a number without a unit counts bytes")
    return memory


def _assertions(section: Section) -> tuple[Assertion, ...] | None:
    if "assertions" not in section:
        return None
    found: dict[str, Assertion] = {}
    for item in section.sections("assertions"):
        assertion = _assertion(item)
        if assertion.title in found:
            raise item.at("name").error("the name of another assertion; each is overruled by its own")
        found[assertion.title] = assertion
    return tuple(found.values())


def _assertion(section: Section) -> Assertion:
    if "sql" not in section:
        raise section.place.error("sql is missing")
    return Assertion(section.get("sql"), section.get("expect"), section.get("name") or "")


def _thresholds(section: Section, inherited: Thresholds) -> Thresholds | None:
    if "thresholds" not in section:
        return None
    limits = section.section("thresholds")
    return Thresholds(
        behind=_threshold(limits, "behind", inherited.behind),
        snapshot_age=_threshold(limits, "snapshot-age", inherited.snapshot_age),
        proven_age=_threshold(limits, "proven-age", inherited.proven_age),
    )


def _threshold(limits: Section, name: str, inherited: Threshold) -> Threshold:
    if name not in limits:
        return inherited
    levels = limits.section(name)
    warn, fail = levels.get("warn"), levels.get("fail")
    if warn is not None and fail is not None and warn > fail:
        raise levels.at("warn").error("warn must not be longer than fail")
    return Threshold(warn, fail)
