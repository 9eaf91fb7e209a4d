"""By which ways a server answers ranges, learnt from its answers."""

from __future__ import annotations

from sqlite_recovery_tui.storage.raw import Raw


class RangeWays:
    """What is known so far; `known` when the service is known to answer ranges by every way."""

    def __init__(self, *, known: bool) -> None:
        """Begin with what is known of the service."""
        self._known = known
        self._answering: list[Raw] = []
        self._whole: list[Raw] = []

    def may_answer(self, raw: Raw) -> bool:
        """Tell whether a range is worth asking for by this way."""
        return all(raw is not other for other in self._whole)

    def answered(self, raw: Raw) -> bool:
        """Tell whether ranges are known to come by this way."""
        return self._known or any(raw is other for other in self._answering)

    def answers(self, raw: Raw) -> None:
        """Remember that a range came by this way."""
        if not any(raw is other for other in self._answering):
            self._answering.append(raw)

    def sends_whole(self, raw: Raw) -> None:
        """Remember that the whole object came by this way."""
        if self.may_answer(raw):
            self._whole.append(raw)
