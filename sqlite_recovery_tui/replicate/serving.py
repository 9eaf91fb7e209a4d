"""Clients of a listening socket, each served in a thread of its own, a few at a time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_NO_DESCRIPTORS_SECONDS = 0.1


class Serving:
    """Accepts clients until it is closed; one that breaks off disturbs nobody."""

    def __init__(
        self, listening: socket.socket, serve: Callable[[socket.socket], None], name: str, most: int
    ) -> None:
        """Have `serve` talk to each client, to `most` at a time; what it raises as OSError is dropped."""
        self._socket, self._serve, self._name = listening, serve, name
        self._clients = threading.BoundedSemaphore(most)
        threading.Thread(target=self._accept, name=name, daemon=True).start()

    def close(self) -> None:
        """Accept no more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            self._clients.acquire()
            try:
                client, _ = self._socket.accept()
            except OSError:
                self._clients.release()
                if self._socket.fileno() < 0:
                    return
                time.sleep(_NO_DESCRIPTORS_SECONDS)  # or the like: it passes
                continue
            threading.Thread(target=self._talk, args=(client,), name=self._name, daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        try:
            with client, suppress(OSError):
                self._serve(client)
        finally:
            self._clients.release()
