"""Live daemons in the console: what each says of a replica, and when a promoted state is at the replicas."""

from __future__ import annotations

import signal
from pathlib import Path

from textual.pilot import Pilot

from sqlite_recovery_tui import config
from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.promote import PromoteScreen
from tests.promote.conftest import make_database, state_of
from tests.support.daemon import Daemon
from tests.tui.support import SMALL, opened, press, prose, settle, type_text


async def news(pilot: Pilot[None]) -> str:
    """Return what is shown once the daemons have been asked anew."""
    console = pilot.app
    assert isinstance(console, Console)
    console.daemons._rests_until = 0.0
    console.daemons.refresh()
    await settle(pilot)
    return prose(pilot)


async def test_a_live_daemon_is_shown_and_says_when_a_promoted_state_is_safe(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    database, replica = tmp_path / "srv" / "app.db", tmp_path / "replica"
    make_database(database, "old", rows=10)
    new = make_database(tmp_path / "new.db", "new", rows=20)
    written = tmp_path / "replicate.yml"
    written.write_text(f"dbs:\n  - path: {database}\n    replicas:\n      - path: {replica}\n")
    settings = config.load(written)
    with Daemon("-config", written) as daemon:
        daemon.wait_for("protected")
        console = Console(settings, refs(settings, None), clock=SYSTEM)
        async with opened(console, SMALL) as pilot:
            shown = await news(pilot)
            assert "daemon ✓ protected since" in shown
            assert f"pid {daemon.pid}" in shown

            console.push_screen(PromoteScreen(new, database))
            await settle(pilot)
            await press(pilot, "K", "y", "enter")
            await type_text(pilot, "app.db")
            await press(pilot, "enter")
            assert state_of(database) == ("new", 20)
            for _ in range(200):
                if "✓ protected again since" in (shown := await news(pilot)):
                    break
                assert "◐ not yet protected again" in shown
            assert "✓ protected again since" in shown
            await press(pilot, "escape")

            daemon.end(signal.SIGKILL)
            assert "daemon ✓" not in await news(pilot)
