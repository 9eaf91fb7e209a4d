"""The whole way in a real browser: open the link, find the moment, restore it, read the verdict."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, WebSocket, async_playwright

from sqlite_recovery_tui import demo
from sqlite_recovery_tui.__main__ import main
from tests.support.terminal import Terminal
from tests.web.support import PADLOCK, PATIENCE, consoles, ended, place, server_process

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: apt-get install chromium")


class Window:
    """A page with the console in it: what it asked for, what it complained about, what it shows."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.terminal = Terminal(0, 0)
        self._drawn = asyncio.Event()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("requestfailed", lambda request: self.complaints.append(f"{request.url} {request.failure}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: line.type == "error" and self.complaints.append(line.text))
        page.on("websocket", self._listen)

    def _listen(self, websocket: WebSocket) -> None:
        size = dict(word.split("=") for word in websocket.url.partition("?")[2].split("&"))
        self.terminal = Terminal(int(size["width"]), int(size["height"]))
        websocket.on("framereceived", self._draw)

    def _draw(self, frame: bytes | str) -> None:
        if isinstance(frame, bytes):
            self.terminal.feed(frame)
            self._drawn.set()

    async def see(self, *words: str) -> str:
        """Wait until the terminal shows these words; return all of it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(word in self.terminal.text for word in words):
                    self._drawn.clear()
                    await self._drawn.wait()
        except TimeoutError:
            pytest.fail(f"{words} are not on the screen:\n{self.terminal.text}")
        return self.terminal.text

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)


@asynccontextmanager
async def chromium() -> AsyncIterator[Window]:
    """Open a window of a browser that knows nothing yet."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield Window(await running.new_page(viewport={"width": 1200, "height": 760}))
        finally:
            await running.close()


async def test_a_restore_from_the_link_to_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = demo.build(tmp_path / "demo")
    moment = f"{incident.last_good_time:%Y-%m-%d %H:%M:%S} utc"
    with server_process("--config", incident.config, cwd=tmp_path) as (process, url):
        async with chromium() as window:
            await window.page.goto(url)
            fleet = await window.see("shop.db", "offsite", "no gap", "read-only")
            assert "jobs.db" in fleet
            assert window.page.url == place(url), "the token is not left in the address"

            await window.press("g")
            await window.see("Go back to which time?")
            await window.page.keyboard.insert_text(moment)
            await window.see("leads to", f"{incident.last_good_time:%H:%M:%S}")
            await window.press("Enter")
            await window.see("Restore shop.db", "you get")
            await window.press("Enter")
            await window.see("every check passed", "orders", f"{incident.before.orders:,}")

            await window.press(PADLOCK)
            await window.see("The padlock cannot be opened here")
            assert [asked for asked in window.asked if not asked.startswith(place(url))] == []
            assert window.complaints == []
            assert len(await window.page.screenshot()) > 20_000, "the canvas shows letters"

            children = consoles(process.pid)
            await window.press("Control+q")
            await window.page.get_by_role("link", name="Open another one").wait_for()
            assert await ended(children)
            await window.press("Enter")
            await window.see("shop.db", "no gap")
            children = consoles(process.pid)
        assert await ended(children), "a closed window ends its console"

    [restored] = (tmp_path / "state").rglob("shop.db")
    truth = tmp_path / "truth.db"
    timestamp = incident.last_good_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ["restore", "-config", incident.config, "-timestamp", timestamp, "-o", truth, "shop.db"]
    monkeypatch.setattr("sys.argv", ["sqlrecover", *map(str, words)])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert _digest(restored) == _digest(truth)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
