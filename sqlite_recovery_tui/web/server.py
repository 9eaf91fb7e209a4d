"""The server: it lets in who knows the token and gives each visitor a console of their own."""

from __future__ import annotations

import asyncio
import html
import json
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from string import Template

from aiohttp import web
from textual_serve.server import Server, to_int

from sqlite_recovery_tui.web.gate import Gate
from sqlite_recovery_tui.web.visitor import END_SECONDS, Visitor

PAGE = Path(__file__).with_name("page")
PLACE_SECONDS = 4.0
"""How long a visitor waits for a place; who loads the page again gives one up at the same time."""
FULL = 1013
"""The close code of a websocket for "try again later", as registered at IANA."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_NOT_INVITED = "Not allowed: open the link that sqlrecover serve printed when it started.\n"
_OTHER_NAME = "Not allowed: this name does not belong to this server.\n"
_OTHER_PAGE = "Not allowed: this page does not belong to this server.\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ConsoleServer(Server):
    """Serves the console on a socket that listens already, to so many visitors at a time."""

    def __init__(
        self, command: Sequence[str], listening: socket.socket, gate: Gate, *, visitors: int
    ) -> None:
        """Run `command` for each of at most `visitors` visitors whom `gate` lets in."""
        self.port = int(listening.getsockname()[1])
        super().__init__(command[0], gate.host, self.port, title="sqlrecover")
        self._words = list(command)
        self._listening = listening
        self._gate = gate
        self._limit = visitors
        self._places = asyncio.Semaphore(visitors)
        self._present: set[Visitor] = set()
        self.cookie = f"sqlrecover-{self.port}"
        shown = f"[{gate.host}]" if ":" in gate.host else gate.host
        self.url = f"http://{shown}:{self.port}/?token={gate.token}"
        """The link that lets its reader in."""

    def serve_until_stopped(self, ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM; call `ready` once visitors can come.

        All consoles have ended when it returns.
        """
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with self.running():
            ready()
            await stopped.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let visitors come until the end of the block; then end their consoles."""
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=END_SECONDS)
        await runner.setup()
        try:
            await web.SockSite(runner, self._listening).start()
            yield
        finally:
            await runner.cleanup()

    async def _make_app(self) -> web.Application:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return self._refusal(request) or await handler(request)

        app = await super()._make_app()
        app.middlewares.append(guard)
        app.on_response_prepare.append(_add_headers)
        app.router.add_static("/page", PAGE, name="page")
        return app

    async def on_startup(self, _app: web.Application) -> None:
        """Print nothing: the command line says what there is to say."""

    async def on_shutdown(self, _app: web.Application) -> None:
        """End the consoles of all visitors."""
        await asyncio.gather(*(visitor.stop() for visitor in self._present))

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Return what is answered instead of what was asked for; None lets the request through."""
        host = request.headers.get("Host")
        if not self._gate.knows_host(host):
            return web.Response(status=403, text=_OTHER_NAME)
        invited = self._gate.knows_token(request.query.get("token"))
        if not (invited or self._gate.knows_token(request.cookies.get(self.cookie))):
            return web.Response(status=403, text=_NOT_INVITED)
        if request.path == "/ws" and not self._gate.knows_origin(request.headers.get("Origin"), host):
            return web.Response(status=403, text=_OTHER_PAGE)
        if request.path == "/" and "token" in request.query:
            return self._remembered(invited)
        return None

    def _remembered(self, invited: bool) -> web.Response:
        """Take the token out of the address, where it would be seen and kept."""
        answer = web.Response(status=303, headers={"Location": "/"})
        if invited:
            answer.set_cookie(self.cookie, self._gate.token, httponly=True, samesite="Lax", path="/")
        return answer

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Answer with the page that holds the terminal."""
        scheme = "wss" if request.secure else "ws"
        template = Template((PAGE / "index.html").read_text("utf-8"))
        page = template.substitute(
            websocket=html.escape(f"{scheme}://{request.host}/ws"),
            font_size=max(6, min(to_int(request.query.get("fontsize", ""), 16), 48)),
        )
        return web.Response(text=page, content_type="text/html")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Give a visitor a console for as long as they stay."""
        websocket = web.WebSocketResponse(heartbeat=15)
        await websocket.prepare(request)
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            await self._turn_away(websocket)
            return websocket
        visitor = Visitor(self._words, websocket, self.download_manager)
        self._present.add(visitor)
        try:
            width, height = (to_int(request.query.get(name, ""), 80) for name in ("width", "height"))
            await visitor.start(width, height)
            with suppress(ConnectionResetError, json.JSONDecodeError, LookupError, TypeError, ValueError):
                await self._process_messages(websocket, visitor)
        finally:
            await visitor.stop()
            self._present.discard(visitor)
            self._places.release()
        await websocket.close()
        return websocket

    async def _turn_away(self, websocket: web.WebSocketResponse) -> None:
        taken = "1 place is" if self._limit == 1 else f"{self._limit} places are"
        words = f"All {taken} taken. Close another console first, or start the server with more --visitors."
        with suppress(ConnectionResetError):
            await websocket.send_bytes(words.encode())
        await websocket.close(code=FULL)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY.format(host=request.host)
