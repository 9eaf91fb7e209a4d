"""One visitor: a process of the console, and the pipe between it and the browser."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

DRIVER = "sqlite_recovery_tui.tui.browser:BrowserDriver"
END_SECONDS = 3.0
"""How long a console may take to end by itself."""
READY = b"__GANGLION__\n"
"""The line after which a Textual application speaks in packets."""
MAIN_SCREEN = "\x1b[?1049l\x1b[m\x1b[2J\x1b[H"
SMALLEST, LARGEST = (20, 5), (1000, 400)
_MAX_COMPLAINT = 4096


class Visitor(AppService):
    """The console of one visitor; it ends with the connection, and the connection with it."""

    def __init__(
        self, command: Sequence[str], websocket: web.WebSocketResponse, downloads: DownloadManager
    ) -> None:
        """Show what `command` draws through `websocket`."""

        async def close() -> None:
            await websocket.close()

        super().__init__(
            shlex.join(command),
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=downloads,
        )
        self._words = list(command)

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return super()._build_environment(width, height) | {"TEXTUAL_DRIVER": DRIVER}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        width, height = _sensible(width, height)
        self._process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        return self._process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the console how large the window is, in cells."""
        await super().set_terminal_size(*_sensible(width, height))

    async def run(self) -> None:
        """Pass on what the console draws until it ends, and what it says when it failed."""
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        complaint = asyncio.create_task(_first_words(self._process.stderr))
        ready = False
        try:
            async for line in self._process.stdout:
                if line == READY:
                    ready = True
                    break
            await self._pass_on(self._process.stdout)
        except (asyncio.IncompleteReadError, OSError):
            pass  # either end is gone
        finally:
            words = await complaint
            with suppress(OSError):
                if words or not ready:
                    await self.remote_write_bytes(_failure(words, ready))
                await self.remote_close()

    async def _pass_on(self, stdout: asyncio.StreamReader) -> None:
        handlers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        while True:
            head = await stdout.readexactly(5)
            payload = await stdout.readexactly(int.from_bytes(head[1:], "big"))
            handler = handlers.get(head[:1])
            if handler is not None:
                await handler(payload)

    async def stop(self) -> None:
        """Ask the console to end, and end it if it does not."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.send_meta({"type": "quit"})
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _first_words(stderr: asyncio.StreamReader) -> bytes:
    """Return the beginning of what a console complains about; read the rest, so that it is never stuck."""
    kept = b""
    while chunk := await stderr.read(_MAX_COMPLAINT):
        kept = (kept + chunk)[:_MAX_COMPLAINT]
    return kept


def _failure(words: bytes, began: bool) -> bytes:
    """Return what a terminal shows of why a console ended; nothing in `words` can give it orders."""
    lines = words.decode("utf-8", "replace").splitlines()
    shown = ["".join(char if char.isprintable() else "?" for char in line) for line in lines]
    what = f"{MAIN_SCREEN}The console failed." if began else "The console could not begin."
    return "\r\n".join([what, "", *shown, ""]).encode()


def _sensible(width: int, height: int) -> tuple[int, int]:
    return (
        max(SMALLEST[0], min(int(width), LARGEST[0])),
        max(SMALLEST[1], min(int(height), LARGEST[1])),
    )
