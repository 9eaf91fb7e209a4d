"""Many drills on whatever carries work out: processes of this machine, or a cluster's workers.

Verdicts are told as they come in. A worker that dies takes no other drill down: what was under way with
it is tried again, in the end each alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED as FIRST
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.verify.drill import Order, Verdict, carry_out, lost

_LOOK_SECONDS = 0.2
_TOGETHER = 2
"""How often drills are tried side by side: where a worker dies it may be another one's fault."""
MakeExecutor = Callable[[int], Executor]
"""Makes what carries out up to so many drills at a time."""


def drills(
    orders: Sequence[Order], make_executor: MakeExecutor, at_once: int, *, cancel: CancelToken | None = None
) -> Iterator[Verdict]:
    """Yield the verdict on every order, as they come in; raises `Cancelled` alone."""
    for _ in range(_TOGETHER):
        again: list[tuple[Order, BaseException]] = []
        yield from _together(orders, make_executor(min(at_once, len(orders)) or 1), again, cancel)
        orders = [order for order, _ in again]
        if not orders:
            return
    for order in orders:
        alone: list[tuple[Order, BaseException]] = []
        yield from _together([order], make_executor(1), alone, cancel)
        for _, error in alone:
            yield lost(order, datetime.now(UTC), 0.0, str(error) or type(error).__name__)


def processes(at_once: int) -> Executor:
    """Return processes of this machine; each begins anew, since a copy of this one would share its locks."""
    from multiprocessing import get_context

    return ProcessPoolExecutor(at_once, mp_context=get_context("spawn"))


@contextmanager
def cluster(address: str) -> Iterator[MakeExecutor]:
    """Give the workers of the Dask scheduler at `address`; raise `RecoverError` when there is none."""
    try:
        import distributed
    except ImportError:
        raise RecoverError(
            "drills on a cluster need the package distributed",
            hint="install sqlite-recovery-tui[fleet]",
        ) from None
    make: Callable[..., Any] = distributed.Client
    try:
        client = make(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RecoverError(
            f"no scheduler answers at {address}: {error}",
            object=address,
            hint="start one: dask scheduler, and workers: dask worker ADDRESS",
        ) from None
    try:
        # Not pure: a drill done before is no drill done now.
        yield lambda _count: client.get_executor(pure=False)
    finally:
        client.close()


def _together(
    orders: Sequence[Order],
    executor: Executor,
    again: list[tuple[Order, BaseException]],
    cancel: CancelToken | None,
) -> Iterator[Verdict]:
    """Yield verdicts; put the orders whose workers died into `again`."""
    futures: dict[Future[Verdict], Order] = {}
    try:
        for order in orders:
            try:
                futures[executor.submit(carry_out, order)] = order
            except (BrokenExecutor, OSError) as error:  # a worker died already
                again.append((order, error))
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST)
            if cancel is not None:
                cancel.check()
            for future in done:
                try:
                    yield future.result()
                except Cancelled:
                    raise
                except (Exception, CancelledError) as error:
                    again.append((futures[future], error))
    finally:
        for future in futures:
            future.cancel()
        _end(executor)


def _end(executor: Executor) -> None:
    """Let go of the workers; of processes whose work nobody waits for any more, at once."""
    busy: dict[int, Any] = dict(getattr(executor, "_processes", None) or {})
    executor.shutdown(wait=False)
    deadline = time.monotonic() + 1
    for process in busy.values():
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
