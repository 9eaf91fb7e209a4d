"""Pictures of one console at several sizes, compared with those that a person has approved.

One walk serves every size: the terminal is resized, and what stands there is the same as if it had begun so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.theme import Theme

from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.theme import PREFIX
from tests.tui.support import PICTURE_SIZES, SMALL, Walk, opened, settle


@dataclass(frozen=True, slots=True)
class Look:
    """How large the terminal is, and its colours where they are others than the walk's."""

    size: tuple[int, int]
    theme: Theme | None = None

    def __str__(self) -> str:
        width, height = self.size
        return f"{width}x{height}" + (f"-{self.theme.name.removeprefix(PREFIX)}" if self.theme else "")


AT_EACH_SIZE = tuple(map(Look, PICTURE_SIZES))
SMALL_ONLY = (Look(SMALL),)

Pictures = Callable[..., Awaitable[None]]


@pytest.fixture
def pictures(snapshot: SnapshotAssertion, tmp_path: Path) -> Pictures:
    """Return what walks through a console, and compares each look of where that leads with its picture."""
    approved = snapshot.use_extension(SVGImageExtension)

    async def compare(console: Console, walk: Walk, looks: Sequence[Look] = AT_EACH_SIZE) -> None:
        changed = []
        async with opened(console, looks[0].size) as pilot:
            await walk(pilot)
            for look in looks:
                drawn = await _drawn(pilot, look)
                if approved(name=str(look)) != drawn:
                    changed.append(tmp_path / f"{look}.svg")
                    changed[-1].write_text(drawn)
        assert not changed, f"differs from its picture (--snapshot-update approves): {[*map(str, changed)]}"

    return compare


async def _drawn(pilot: Pilot[None], look: Look) -> str:
    console = pilot.app
    if look.theme is not None:
        console.theme = look.theme.name
    if console.size != look.size:
        await pilot.resize_terminal(*look.size)
    await settle(pilot)
    return console.export_screenshot(title=console.title, simplify=True)
