"""`sqlrecover serve`: the console in a browser, on this machine, read-only."""

from __future__ import annotations

import socket
import sys

import click

from sqlite_recovery_tui.cli.options import subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import RecoverError, RefusedError, UsageError

PORT = 8377
VISITORS = 4


@subcommand("serve")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", show_default=True, help="Where to listen.")
@click.option("--port", default=PORT, metavar="N", show_default=True, help="The port; 0 takes any free one.")
@click.option("--allow-remote", is_flag=True, help="Listen where other machines can reach it.")
@click.option("--visitors", default=VISITORS, metavar="N", show_default=True, help="How many at a time.")
@target_argument(required=False)
def command(
    session: Session, target: str | None, *, host: str, port: int, allow_remote: bool, visitors: int
) -> int:
    """Serve the console to browsers until ctrl+c; the link it prints is the key to it.

    Each visitor has a console of their own, whose padlock stays closed: it browses, proves and restores to
    scratch files of this machine. A console ends, and its restores with it, when its page is closed. From
    another machine, reach it through ssh -L 8377:127.0.0.1:8377 instead of --allow-remote.
    """
    if visitors < 1:
        raise UsageError(f"{visitors} visitors cannot be served", hint="write -visitors 1 or more")
    _refuse_unknown(session, target)
    _need_extra()
    from sqlite_recovery_tui.web.gate import Gate, is_loopback
    from sqlite_recovery_tui.web.server import ConsoleServer

    if not is_loopback(host):
        _allow(session, host, allow_remote)
    with _listen(host, port) as listening:
        server = ConsoleServer(_console(session, target), listening, Gate(host), visitors=visitors)
        server.serve_until_stopped(lambda: _announce(session, server.url, host, server.port))
    return 0


def _refuse_unknown(session: Session, target: str | None) -> None:
    """Say at once, not in every browser, that a name or a configuration is wrong."""
    if session.settings_for(target) is not None or target is not None:
        session.refs(target)


def _need_extra() -> None:
    from importlib.util import find_spec

    if find_spec("textual_serve") is None:
        raise RecoverError(
            "serving the console needs a package that is not installed",
            hint="pip install 'sqlite-recovery-tui[web]'",
        )


def _allow(session: Session, host: str, allowed: bool) -> None:
    if not allowed:
        raise RefusedError(
            f"{host} can be reached from other machines",
            hint="use ssh -L and the default, or add --allow-remote when the network is yours alone",
        )
    session.err.warning(
        f"other machines can reach {host}, and nothing is encrypted: "
        "whoever sees the link can read every replica and its databases"
    )


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 1 << 16:
        raise UsageError(f"{port} is not a port", hint="write -port 1024 to -port 65535, or -port 0")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise RecoverError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="choose another one with -port N; -port 0 takes any free one",
        ) from error


def _console(session: Session, target: str | None) -> list[str]:
    """Return the command line of one visitor's console."""
    common = session.common
    words = [sys.executable, "-m", "sqlite_recovery_tui", "--served"]
    if common.config is not None:
        words += ["--config", str(common.config)]
    words += [] if common.expand_env else ["--no-expand-env"]
    words += [] if common.colour else ["--no-color"]
    return [*words, "--", target] if target is not None else words


def _announce(session: Session, url: str, host: str, port: int) -> None:
    session.document({"url": url, "host": host, "port": port})
    session.out.line(f"the console is at {url}")
    session.out.line("keep the link to yourself: it is the key; ctrl+c ends the server and every console")
    session.out.flush()
