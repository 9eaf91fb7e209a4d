"""Many drills on whatever carries work out: processes of this machine, or a cluster's workers.

Verdicts are told as they come in. A worker that dies takes no other drill down: what was under way with
it is tried again, in the end each alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED as FIRST
from concurrent.futures import CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlite_recovery_tui.apart.crew import Crew
from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn
from sqlite_recovery_tui.verify.drill import Order, Verdict, carry_out, lost

_LOOK_SECONDS = 0.2
_TOGETHER = 2
"""How often drills are tried side by side: where a worker dies it may be another one's fault."""


class Workers(Protocol):
    """What carries drills out; where a worker dies, the future of its drill raises."""

    def submit(self, order: Order) -> Future[Verdict]:
        """Have a drill carried out."""
        ...

    def close(self) -> None:
        """Let go of the workers; nobody waits any more for what is under way."""
        ...


MakeWorkers = Callable[[int], Workers]
"""Makes what carries out up to so many drills at a time."""


def drills(
    orders: Sequence[Order], make_workers: MakeWorkers, at_once: int, *, cancel: CancelToken | None = None
) -> Iterator[Verdict]:
    """Yield the verdict on every order, as they come in; raises `Cancelled` alone."""
    for _ in range(_TOGETHER):
        again: list[tuple[Order, BaseException]] = []
        yield from _together(orders, make_workers(min(at_once, len(orders)) or 1), again, cancel)
        orders = [order for order, _ in again]
        if not orders:
            return
    for order in orders:
        alone: list[tuple[Order, BaseException]] = []
        yield from _together([order], make_workers(1), alone, cancel)
        for _, error in alone:
            yield lost(order, datetime.now(UTC), 0.0, str(error) or type(error).__name__)


@dataclass(frozen=True)
class Drill:
    """A drill as a task for a process of its own."""

    order: Order
    after_death = ""

    @property
    def name(self) -> str:
        """What it is called where its process died."""
        return f"drill of {self.order.label}"

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> Verdict:
        """Carry it out."""
        return carry_out(self.order, progress=progress, cancel=cancel, clock=clock)


class Processes:
    """Processes of this machine."""

    def __init__(self, at_once: int) -> None:
        """Carry out `at_once` drills at a time."""
        self._crew = Crew(at_once)

    def submit(self, order: Order) -> Future[Verdict]:
        """Have a drill carried out; the future raises `WorkerDied`."""
        return self._crew.submit(Drill(order))

    def close(self) -> None:
        """Stop the drills that are under way, and end the processes."""
        self._crew.close()


class _Cluster:
    """The workers of a cluster."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, order: Order) -> Future[Verdict]:
        return self._executor.submit(carry_out, order)

    def close(self) -> None:
        self._executor.shutdown(wait=False)


@contextmanager
def cluster(address: str) -> Iterator[MakeWorkers]:
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
        yield lambda _count: _Cluster(client.get_executor(pure=False))
    finally:
        client.close()


def _together(
    orders: Sequence[Order],
    workers: Workers,
    again: list[tuple[Order, BaseException]],
    cancel: CancelToken | None,
) -> Iterator[Verdict]:
    """Yield verdicts; put the orders whose workers died into `again`."""
    futures: dict[Future[Verdict], Order] = {}
    try:
        for order in orders:
            try:
                futures[workers.submit(order)] = order
            except OSError as error:  # nobody is there any more
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
        workers.close()
