"""Listings of object storage that go on after a broken page and past keys a client cannot list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.keys import folder_of, is_plain
from sqlite_recovery_tui.storage.raw import Raw, UnlistableKey
from sqlite_recovery_tui.storage.retry import Attempts, Operation, Retry
from sqlite_recovery_tui.storage.sites import Site
from sqlite_recovery_tui.storage.translate import unlistable


def list_objects(
    site: Site, retry: Retry, operation: Operation, prefix: str, cut: int
) -> Iterator[Sequence[ObjectInfo]]:
    """Yield pages of the objects whose full key starts with `prefix`, each once, `cut` characters shorter."""
    listing = _Listing(prefix, cut)
    attempts = Attempts(retry, operation)
    raw = _way(site, listing.prefix)
    while True:
        try:
            for page in listing.pages(raw):
                attempts.progressed()
                yield page
            break
        except UnlistableKey as error:
            odd = site.raw_for_odd_keys()
            if odd is None:
                raise unlistable(str(error)).error(operation) from error
            raw = odd
            listing.begin_again()
        except raw.failures as error:
            attempts.failed(site.explain(error, "list"), error)
    doubt = None if listing.seen else site.doubt_emptiness()
    if doubt is not None:
        raise doubt.error(operation)


def _way(site: Site, prefix: str) -> Raw:
    # at the top of a bucket the usual way would list /key as key
    plain = is_plain(folder_of(prefix).rstrip("/"))
    return (None if plain else site.raw_for_odd_keys()) or site.raw()


class _Listing:
    """What was listed so far, and from where to go on."""

    def __init__(self, prefix: str, cut: int) -> None:
        self.prefix = prefix
        self.seen: set[str] = set()
        self._cut = cut
        self._last = ""
        self._in_order = True

    def pages(self, raw: Raw) -> Iterator[Sequence[ObjectInfo]]:
        """Yield what was not yielded before."""
        after = self.prefix[: self._cut] + self._last if self._last and self._in_order else ""
        for page in raw.pages(self.prefix, after=after, cut=self._cut):
            fresh = [info for info in page if info.key not in self.seen] if self.seen else page
            self._remember([info.key for info in fresh])
            if fresh:
                yield fresh

    def begin_again(self) -> None:
        """List from the start, since what was left out may be anywhere."""
        self._in_order = False

    def _remember(self, keys: list[str]) -> None:
        if not keys:
            return
        self._in_order = self._in_order and keys[0] > self._last and keys == sorted(keys)
        self._last = keys[-1]
        self.seen.update(keys)
