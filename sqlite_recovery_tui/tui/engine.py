"""The bridge between screens and the engine: the only place that starts threads.

Work runs in daemon threads, at most so many per queue; what it has to tell comes back as messages and is
handled on the screen's own thread. A thread that hangs is left behind, never waited for.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from textual.message import Message

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.tui.messages import Advanced, Answered

if TYPE_CHECKING:
    from sqlite_recovery_tui.apart.task import Task
    from sqlite_recovery_tui.clock import Clock

T = TypeVar("T")
REPORT_SECONDS = 0.1
"""How often one request may report; a screen cannot show more."""
LOGGER = logging.getLogger(__name__)


class Queue(Enum):
    """A queue of its own, with how many of its requests run at a time."""

    SCAN = ("scan", 8)
    THINK = ("think", 2)
    JOB = ("job", 4)
    CHECK = ("check", 3)
    BROWSE = ("browse", 1)
    COUNT = ("count", 1)
    RECORD = ("record", 1)
    """Reads the history, which may have to wait for others that write it."""
    DAEMON = ("daemon", 1)
    """Asks replication daemons, one of which may hang."""
    CLEAN = ("clean", 2)
    """Ends processes and removes what is left; done even when everything is asked to stop."""

    def __init__(self, label: str, width: int) -> None:
        """Name the queue and say how wide it is."""
        self.label = label
        self.width = width


class Owner(Protocol):
    """Whoever asks; an answer for an owner that is gone is dropped."""

    @property
    def is_attached(self) -> bool:
        """True while it is part of the application."""
        ...


class UnexpectedFailure(RecoverError):
    """A fault of ours, shown as a message instead of the end of the console."""

    kind = "internal"


class Request(Generic[T]):
    """One piece of work: asked for on the screen, done in a thread, answered on the screen."""

    def __init__(
        self,
        number: int,
        queue: Queue,
        owner: Owner,
        work: Callable[[Report], T],
        *,
        then: Callable[[T], None],
        failed: Callable[[RecoverError], None],
        progress: Callable[[Progress], None] | None,
        partial: Callable[[Any], None] | None,
    ) -> None:
        """Hold what to do and whom to tell; made by `Engine.ask`."""
        self.id = number
        self.queue = queue
        self.owner = owner
        self.token = CancelToken()
        self.value: T | None = None
        self.error: RecoverError | None = None
        self.finished = False
        self.dropped = False
        self.latest_progress: Progress | None = None
        self.latest_partial: Any = None
        self.work = work
        self.then = then
        self.failed = failed
        self.on_progress = progress
        self.on_partial = partial

    @property
    def running(self) -> bool:
        """True until its answer has been delivered."""
        return not self.finished

    def stop(self) -> None:
        """Ask it to stop; its answer, most likely `Cancelled`, is still delivered."""
        self.token.cancel()

    def execute(self, report: Report) -> None:
        """Do the work in the calling thread and keep the outcome; never raises."""
        try:
            self.token.check()
            self.value = self.work(report)
        except RecoverError as error:
            self.error = error
        except Exception as error:
            # Our own fault must not end the console in the middle of an incident: it is logged in full.
            LOGGER.exception("unexpected failure in %s", self.queue.label)
            self.error = UnexpectedFailure(
                f"internal error: {type(error).__name__}: {error}",
                hint="this is a fault of sqlrecover; the log (ctrl+l) has the details",
            )

    def deliver(self) -> None:
        """Tell the owner how it ended; runs on the screen's thread."""
        self.finished = True
        if self.dropped or not self.owner.is_attached:
            return
        if self.error is not None:
            self.failed(self.error)
        else:
            self.then(self.value)  # type: ignore[arg-type]

    def deliver_news(self) -> None:
        """Tell the owner the newest report; runs on the screen's thread."""
        if self.finished or self.dropped or not self.owner.is_attached:
            return
        if self.on_partial is not None and (partial := self.latest_partial) is not None:
            self.latest_partial = None
            self.on_partial(partial)
        if self.on_progress is not None and (progress := self.latest_progress) is not None:
            self.on_progress(progress)


class Report:
    """What work is given to talk with: a place for progress, one for partial answers, a cancel token."""

    def __init__(
        self, request: Request[Any], post: Callable[[Message], object], *, apart: bool = False
    ) -> None:
        """Report for `request` through `post`; `apart` is where tasks are carried out."""
        self._request = request
        self._post = post
        self._apart = apart
        self._next = 0.0
        self._phase = ""

    @property
    def cancel(self) -> CancelToken:
        """The token that the work must check."""
        return self._request.token

    def progress(self, progress: Progress) -> None:
        """Report progress; what comes too fast replaces what was not shown yet."""
        self._request.latest_progress = progress
        self._tell(now=progress.phase != self._phase)
        self._phase = progress.phase

    def partial(self, value: object) -> None:
        """Hand out what is known so far; the final answer still follows."""
        self._request.latest_partial = value
        self._tell()

    def carry_out(self, task: Task[T], clock: Clock) -> T:
        """Do a task that takes long: in a process of its own, or right here where nobody asked for that."""
        if not self._apart:
            return task.carry_out(self.progress, self.cancel, clock)
        from sqlite_recovery_tui.apart.process import carry_out

        return carry_out(task, progress=self.progress, cancel=self.cancel)

    def _tell(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if now or moment >= self._next:
            self._next = moment + REPORT_SECONDS
            self._post(Advanced(self._request))


class _Crew:
    """The requests of one queue and the threads that work on them."""

    def __init__(self, queue: Queue, run: Callable[[Request[Any]], None]) -> None:
        self._queue = queue
        self._run = run
        self._lock = threading.Lock()
        self._waiting: deque[Request[Any]] = deque()
        self._active: dict[int, threading.Thread] = {}
        self._left_behind: set[int] = set()

    def put(self, request: Request[Any]) -> None:
        with self._lock:
            self._waiting.append(request)
        self._staff()

    def leave_behind(self, request: Request[Any]) -> None:
        """Stop counting the thread of `request`, so that one that hangs holds nobody up."""
        with self._lock:
            if request.id in self._active:
                self._left_behind.add(request.id)
            elif request in self._waiting:
                self._waiting.remove(request)
        self._staff()

    def threads(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._active.values())

    def _staff(self) -> None:
        with self._lock:
            while self._waiting and len(self._active) - len(self._left_behind) < self._queue.width:
                request = self._waiting.popleft()
                thread = threading.Thread(
                    target=self._work, args=(request,), name=f"{self._queue.label}-{request.id}", daemon=True
                )
                self._active[request.id] = thread
                thread.start()

    def _work(self, request: Request[Any]) -> None:
        self._run(request)
        with self._lock:
            del self._active[request.id]
            self._left_behind.discard(request.id)
        self._staff()


class Engine:
    """Takes requests from screens, runs them in threads, delivers answers on the screen's thread."""

    def __init__(self, post: Callable[[Message], object], *, apart: bool = False) -> None:
        """Send messages through `post`, which must be safe to call from any thread.

        With `apart` restores and proofs get processes of their own: the interpreter is the screen's.
        """
        self._post_message = post
        self._apart = apart
        self._numbers = itertools.count(1)
        self._crews = {queue: _Crew(queue, self._run) for queue in Queue}
        self._open: set[Request[Any]] = set()
        self._settled: asyncio.Event | None = None
        self._closed = False

    def ask(
        self,
        queue: Queue,
        owner: Owner,
        work: Callable[[Report], T],
        *,
        then: Callable[[T], None],
        failed: Callable[[RecoverError], None],
        progress: Callable[[Progress], None] | None = None,
        partial: Callable[[Any], None] | None = None,
        rest: float = 0.0,
    ) -> Request[T]:
        """Run `work` in the background; `then` or `failed` is called with its outcome, on this thread.

        With `rest` it begins after so many seconds: one that is dropped before costs no thread.
        """
        request = Request(
            next(self._numbers),
            queue,
            owner,
            work,
            then=then,
            failed=failed,
            progress=progress,
            partial=partial,
        )
        self._open.add(request)
        if rest:
            asyncio.get_running_loop().call_later(rest, self._begin, request)
        else:
            self._crews[queue].put(request)
        return request

    def _begin(self, request: Request[Any]) -> None:
        """Let a request begin that was to rest, unless it was dropped or everything was stopped meanwhile."""
        if not request.dropped and not self._closed:
            self._crews[request.queue].put(request)

    def drop(self, request: Request[Any] | None) -> None:
        """Stop a request nobody waits for any more: its answer is thrown away, its place is free."""
        if request is None or request.finished:
            return
        request.dropped = True
        request.token.cancel()
        self._crews[request.queue].leave_behind(request)
        self._close(request)

    def handle(self, message: Answered | Advanced) -> None:
        """Deliver what a thread reported; called by the application's message handlers."""
        if isinstance(message, Advanced):
            message.request.deliver_news()
            return
        try:
            message.request.deliver()
        finally:
            self._close(message.request)

    @property
    def busy(self) -> bool:
        """True while any answer is outstanding."""
        return bool(self._open)

    async def settle(self) -> None:
        """Wait until every answer has been delivered."""
        while self._open:
            self._settled = asyncio.Event()
            await self._settled.wait()

    def stop(self) -> None:
        """Ask everything to stop, except what cleans up; a job leaves what it needs to be taken up again."""
        self._closed = True
        for request in self._open:
            if request.queue is Queue.JOB:
                request.token.pause()
            elif request.queue is not Queue.CLEAN:
                request.token.cancel()

    def close(self, seconds: float = 0.5) -> bool:
        """Stop everything and wait at most `seconds`; return False when a thread still hangs."""
        self.stop()
        deadline = time.monotonic() + seconds
        threads = [thread for crew in self._crews.values() for thread in crew.threads()]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self, request: Request[Any]) -> None:
        request.execute(Report(request, self._post, apart=self._apart))
        self._post(Answered(request))

    def _post(self, message: Message) -> None:
        if self._closed:
            return
        try:
            self._post_message(message)
        except RuntimeError:
            self._closed = True  # the event loop ended between the check and the call

    def _close(self, request: Request[Any]) -> None:
        self._open.discard(request)
        if not self._open and self._settled is not None:
            self._settled.set()
