"""The server: it answers nobody without the token, and no process stays when a visitor or the server goes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sqlite_recovery_tui.web import server as serving
from sqlite_recovery_tui.web import visitor as visiting
from sqlite_recovery_tui.web.server import FULL, ConsoleServer
from tests.support.corpus import case
from tests.web.support import PADLOCK, browser, connected, consoles, ended, place, served, server_process

PATHS = ("", "ws", "static/js/textual.js", "static/css/xterm.css", "page/console.js", "download/x", "nothing")


@pytest.fixture
async def server() -> AsyncIterator[ConsoleServer]:
    async with served() as running:
        yield running


async def _status(session: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str]:
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_nothing_is_answered(server: ConsoleServer, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        for query in ("", "?token=", "?token=wrong"):
            status, words = await _status(session, f"{place(server.url)}{path}{query}")
            assert status == 403
            assert words.startswith("Not allowed: open the link")
        status, _ = await _status(session, place(server.url) + path, Cookie=f"{server.cookie}=wrong")
        assert status == 403


async def test_the_link_is_exchanged_for_a_cookie_that_scripts_and_strangers_do_not_get(
    server: ConsoleServer,
) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(server.url, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.cookies[server.cookie]
        assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (server.url[-43:], True, "Lax")
        for path in ("", "static/js/textual.js", "page/console.css"):
            status, _ = await _status(
                session, place(server.url) + path, Cookie=f"{server.cookie}={cookie.value}"
            )
            assert status == 200


async def test_the_page_asks_nobody_else_for_anything(server: ConsoleServer) -> None:
    async with browser(server.url) as session, session.get(place(server.url)) as answer:
        page = await answer.text()
        links = re.findall(r'(?:href|src|url)="([^"]+)"', page)
        assert links
        ours = place(server.url).replace("http", "ws") + "ws"
        assert [link for link in links if not link.startswith("/") and link not in ("data:,", ours)] == []
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", PATHS)
async def test_another_name_for_this_machine_is_refused_even_with_the_token(
    server: ConsoleServer, path: str
) -> None:
    async with browser(server.url) as session:
        target = f"{place(server.url)}{path}?token={server.url[-43:]}"
        status, words = await _status(session, target, Host="evil.example")
        assert (status, words) == (403, "Not allowed: this name does not belong to this server.\n")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_a_page_of_somebody_else_gets_no_console(server: ConsoleServer, origin: str) -> None:
    async with browser(server.url) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            async with session.ws_connect(f"{place(server.url)}ws", headers={"Origin": origin}):
                pass
        async with connected(session, server.url) as visit:
            await visit.see("hello")


async def test_each_visitor_has_a_console_of_the_size_of_their_window(server: ConsoleServer) -> None:
    async with browser(server.url) as session:
        async with connected(session, server.url) as one, connected(session, server.url) as two:
            first, second = await one.see("hello"), await two.see("hello")
            assert first.split()[1] != second.split()[1]
            assert first.split()[2:] == ["120", "36"]
            await two.press("x")
            await two.see("heard x")
            assert "heard" not in one.terminal.text
            processes = [int(words.split()[1]) for words in (first, second)]
        assert await ended(processes)


async def test_who_comes_when_all_places_are_taken_is_told_and_the_next_gets_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "PLACE_SECONDS", 0.05)
    async with served(visitors=1) as server, browser(server.url) as session:
        async with connected(session, server.url) as one:
            await one.see("hello")
            async with connected(session, server.url) as two:
                assert await two.end() == FULL
                assert "All 1 place is taken" in two.terminal.text
        monkeypatch.setattr(serving, "PLACE_SECONDS", 30)
        async with connected(session, server.url) as three:
            await three.see("hello")


async def test_a_page_that_is_loaded_again_takes_its_own_place() -> None:
    async with (
        served(visitors=1) as single,
        browser(single.url) as session,
        connected(session, single.url) as before,
    ):
        await before.see("hello")
        async with connected(session, single.url) as after:
            await before.websocket.close()
            await after.see("hello")


async def test_a_console_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "END_SECONDS", 0.2)
    async with served("stubborn") as server, browser(server.url) as session:
        async with connected(session, server.url) as visit:
            process = int((await visit.see("hello")).split()[1])
        assert await ended([process])


async def test_a_console_that_dies_closes_its_page(server: ConsoleServer) -> None:
    async with browser(server.url) as session, connected(session, server.url) as visit:
        process = int((await visit.see("hello")).split()[1])
        os.kill(process, signal.SIGKILL)
        assert await visit.end() == aiohttp.WSCloseCode.OK


async def test_a_console_that_cannot_begin_says_why_with_nothing_a_terminal_obeys() -> None:
    script = r"import sys; sys.exit('sqlrecover: no configuration \x1b]0;found')"
    async with (
        served(script=script) as server,
        browser(server.url) as session,
        connected(session, server.url) as visit,
    ):
        await visit.end()
        assert "The console could not begin." in visit.terminal.text
        assert "no configuration ?]0;found" in visit.terminal.text


async def test_nonsense_from_a_page_ends_its_own_console_only(server: ConsoleServer) -> None:
    async with browser(server.url) as session, connected(session, server.url) as other:
        await other.see("hello")
        for words in (
            "[",
            "[]",
            '["resize", {}]',
            '["resize", {"width": "x", "height": []}]',
            '["stdin", 1]',
            "1",
        ):
            async with connected(session, server.url) as visit:
                await visit.see("hello")
                await visit.websocket.send_str(words)
                await visit.end()
        await other.press("y")
        await other.see("heard y")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_server_ends_with_every_console(number: int, tmp_path: Path) -> None:
    replica = case("v03-plain", tmp_path)
    with server_process(replica.url, cwd=tmp_path) as (process, url):
        async with browser(url) as session, connected(session, url) as visit:
            await visit.see("read-only")
            children = consoles(process.pid)
            assert len(children) == 1
            process.send_signal(number)
            await visit.end()
            assert await ended([*children, process.pid])
        assert process.wait() == 0


async def test_a_server_that_is_killed_leaves_no_console_behind(tmp_path: Path) -> None:
    replica = case("v03-plain", tmp_path)
    with server_process(replica.url, cwd=tmp_path) as (process, url):
        async with browser(url) as session, connected(session, url) as visit:
            await visit.see("read-only")
            children = consoles(process.pid)
            process.kill()
            assert await ended(children)


async def test_nobody_opens_the_padlock(tmp_path: Path) -> None:
    replica = case("v03-plain", tmp_path)
    with server_process(replica.url, cwd=tmp_path) as (_, url):
        async with browser(url) as session, connected(session, url) as visit:
            await visit.see("read-only")
            await visit.press(PADLOCK)
            assert "read-only" in await visit.see("The padlock cannot be opened here")
