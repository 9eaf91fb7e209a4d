"""What background work tells the console; the only things that cross from threads to the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.engine import Request


class Answered(Message):
    """A request ended: with a value, an error the operator can read, or because it was stopped."""

    def __init__(self, request: Request[Any]) -> None:
        """Carry the request, which holds its outcome."""
        super().__init__()
        self.request = request


class Advanced(Message):
    """A request has news: progress or a partial answer; only the newest of each request matters."""

    def __init__(self, request: Request[Any]) -> None:
        """Carry the request, which holds the newest report."""
        super().__init__()
        self.request = request

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Advanced) and message.request is self.request
