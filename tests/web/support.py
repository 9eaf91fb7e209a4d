"""Servers of the console, real and with a small stand-in for it, and visitors with and without a browser."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sqlite_recovery_tui.tui.actions import BY_ID
from sqlite_recovery_tui.web.gate import Gate
from sqlite_recovery_tui.web.server import ConsoleServer
from tests.support.terminal import Terminal

COLUMNS, LINES = 120, 36
PATIENCE = 30.0
PADLOCK = BY_ID["app.padlock"].shown_key
ECHO = """
import os, signal, sys
send = lambda kind, data: os.write(1, kind + len(data).to_bytes(4, "big") + data)
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"__GANGLION__\\n")
send(b"D", b"hello %d %s %s" % (os.getpid(), os.environ["COLUMNS"].encode(), os.environ["ROWS"].encode()))
while head := os.read(0, 5):
    data = os.read(0, int.from_bytes(head[1:], "big"))
    if head[:1] == b"D":
        send(b"D", b"heard " + data)
    elif b"quit" in data and "stubborn" not in sys.argv:
        break
"""
"""Speaks as the console does: says who it is, repeats what it hears, ends when it is told to."""


@asynccontextmanager
async def served(
    *options: str, visitors: int = 4, host: str = "127.0.0.1", script: str = ECHO
) -> AsyncIterator[ConsoleServer]:
    """Serve a stand-in for the console in this process until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-c", script, *options]
        server = ConsoleServer(command, listening, Gate(host), visitors=visitors)
        async with server.running():
            yield server


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Come as a browser does that was given the link, and keep the cookie."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(url) as answer:
            assert answer.status == 200
        yield session


def place(url: str) -> str:
    """Return the link without its token."""
    return url.partition("?")[0]


@asynccontextmanager
async def connected(session: aiohttp.ClientSession, url: str) -> AsyncIterator[Visit]:
    """Open the connection that the page opens."""
    origin = place(url).rstrip("/")
    target = f"{place(url)}ws?width={COLUMNS}&height={LINES}"
    async with session.ws_connect(target, headers={"Origin": origin}) as websocket:
        yield Visit(websocket, Terminal(COLUMNS, LINES))


@dataclass
class Visit:
    """A visitor without a browser."""

    websocket: aiohttp.ClientWebSocketResponse
    terminal: Terminal

    async def press(self, *keys: str) -> None:
        """Send keys as a terminal does."""
        for key in keys:
            await self.websocket.send_str(json.dumps(["stdin", key]))

    async def see(self, *words: str) -> str:
        """Wait until the screen shows these words; return it."""
        async with asyncio.timeout(PATIENCE):
            while not all(word in self.terminal.text for word in words):
                message = await self.websocket.receive()
                assert message.type is aiohttp.WSMsgType.BINARY, f"{message}\n{self.terminal.text}"
                self.terminal.feed(message.data)
        return self.terminal.text

    async def end(self) -> int | None:
        """Wait until the other side closes the connection; return why."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self.websocket.receive()).type is aiohttp.WSMsgType.BINARY:
                self.terminal.feed(message.data)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        return self.websocket.close_code


@contextmanager
def server_process(*words: str | Path, cwd: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `sqlrecover serve` as a process of its own; yield it and its link. It is ended with SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sqlite_recovery_tui", "serve", "--json", "--port", "0", *map(str, words)],
        stdout=subprocess.PIPE,
        cwd=cwd,
        env=os.environ | {"HOME": str(cwd), "XDG_STATE_HOME": str(cwd / "state")},
    )
    guard = threading.Timer(120, process.kill)  # a reader of its output would wait for ever
    guard.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the server did not start"
        yield process, json.loads(line)["url"]
    finally:
        guard.cancel()
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        process.stdout.close()


def consoles(parent: int) -> list[int]:
    """Return the processes that `parent` has started and that still run."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(word) for word in children.read_text().split() if is_running(int(word))]


def is_running(process: int) -> bool:
    """Tell whether a process runs, also one that is nobody's child any more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def ended(processes: Sequence[int]) -> bool:
    """Wait until all processes have ended; False when one does not."""
    descriptors = [fd for process in processes if (fd := _descriptor(process)) is not None]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            for descriptor in descriptors:
                over = asyncio.Event()
                loop.add_reader(descriptor, over.set)
                await over.wait()
                loop.remove_reader(descriptor)
    except TimeoutError:
        return False
    finally:
        for descriptor in descriptors:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    return True


def _descriptor(process: int) -> int | None:
    try:
        return os.pidfd_open(process)
    except ProcessLookupError:
        return None
