"""Holds the lifespan of one context open, in a task of its own: what dies in it takes nobody along.

What it has started in the background is watched, tasks as well as threads, because else nobody would notice its
end: a task that nobody awaits keeps its exception for itself.
"""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, final

from hedgerow_core.observability import log_of
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.loading import LEAVE_OUT, InstalledContext
from hedgerow_host.patience import where_it_stands
from hedgerow_host.problems import CompositionError, Problem, is_in, place_in, said_by

ENTERED_WITHIN_S = 8.0
"""It may do I/O, so it gets more time than a hook; whoever starts the host hears within 10 s what hangs."""
LEFT_WITHIN_S = 8.0
"""Whoever ends the host does not wait for one context for ever, nor do the others, which are left after it."""
CARED_FOR_WITHIN_S = 1.0
"""Who awaits a task of its own that has failed does so at once, and then it is none of our business."""

_log = log_of(__name__)
_owner: ContextVar[str | None] = ContextVar("owner_of_the_lifespan", default=None)

Tell = Callable[[HostedContext, BaseException], None]
"""Hears what a context has let die in the background."""


class LifespanFailed(Exception):
    """It could not be entered; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@final
class Lifespan:
    """The lifespan of one context."""

    def __init__(self, context: HostedContext, tell: Tell) -> None:
        self._context = context
        self._tell = tell
        self._entered = asyncio.Event()
        self._leaving = asyncio.Event()
        self._manager: AbstractAsyncContextManager[None] | None = None
        self._task: asyncio.Task[BaseException | None] | None = None

    async def enter(self) -> None:
        """Enter it.

        Raises:
            LifespanFailed: it raised, or took too long.
        """
        with _blocking_is_told(self._context), self._watching_tasks():
            self._task = asyncio.create_task(self._hold())
            entered = asyncio.create_task(self._entered.wait())
            await asyncio.wait({self._task, entered}, timeout=ENTERED_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            entered.cancel()
        if self._entered.is_set():
            return
        if not self._task.done():
            place = self._place()
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CARED_FOR_WITHIN_S)
            raise self._failed(f"has not come up for {ENTERED_WITHIN_S:g} s", *place)
        error = self._task.result()
        if isinstance(error, CompositionError):
            raise LifespanFailed(error.problems[0]) from error
        assert error is not None  # noqa: S101 - else it would have been entered
        raise self._failed(
            f"raised {said_by(error)}", *place_in(error, self._context.loaded.installed.package)
        ) from error

    async def leave(self) -> None:
        """Leave it, unless it has ended by itself. What takes too long is broken off, and the log says where.

        Raises:
            Exception: what it raised while it was left.
        """
        assert self._task is not None  # noqa: S101 - it was entered
        self._leaving.set()
        await asyncio.wait({self._task}, timeout=LEFT_WITHIN_S)
        if not self._task.done():
            _log.error("lifespan_hangs", context=self._context.name, place="".join(self._place()))
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CARED_FOR_WITHIN_S)
            return
        error = self._task.result()
        if isinstance(error, Exception):
            raise error

    async def _hold(self) -> BaseException | None:
        """What it raised. It may be anything, and must not go through the event loop, which some kinds end."""
        _owner.set(self._context.name)
        try:
            self._manager = self._context.loaded.call("lifespan", container=self._context.container)
            assert self._manager is not None  # noqa: S101 - it is asked of contexts that have it
            async with self._manager:
                self._entered.set()
                await self._leaving.wait()
        except BaseException as error:
            if self._entered.is_set() and not self._leaving.is_set():
                self._tell(self._context, error)
                return None
            return error
        return None

    def _failed(self, what: str, *places: str) -> LifespanFailed:
        installed: InstalledContext = self._context.loaded.installed
        return LifespanFailed(installed.problem(f"its lifespan {what}", f"mend it, {LEAVE_OUT}", *places))

    def _place(self) -> tuple[str, ...]:
        """Where it waits, if it was written as a generator."""
        frame = getattr(getattr(self._manager, "gen", None), "ag_frame", None)
        return (f"{frame.f_code.co_filename}:{frame.f_lineno}",) if frame else ()

    @contextmanager
    def _watching_tasks(self) -> Iterator[None]:
        """Watch the tasks that are started while it is entered, and are still there, or dead, afterwards."""
        loop, started = asyncio.get_running_loop(), list[asyncio.Future[Any]]()
        before = loop.get_task_factory()

        def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Future[Any]:
            own = _owner.get() == self._context.name
            work = _contained(coroutine) if own else coroutine
            task = before(loop, work, **options) if before else asyncio.Task(work, loop=loop, **options)
            if own:
                started.append(task)
            return task

        loop.set_task_factory(make)
        try:
            yield
        finally:
            loop.set_task_factory(before)
            if self._entered.is_set():
                for task in started:
                    task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        asyncio.get_running_loop().call_later(CARED_FOR_WITHIN_S, self._tell_unless_cared_for, task)

    def _tell_unless_cared_for(self, task: asyncio.Future[Any]) -> None:
        nobody_asked = getattr(task, "_log_traceback", True)  # what asyncio itself goes by in its own complaint
        if nobody_asked and not self._leaving.is_set() and not task.cancelled():
            error = task.exception()
            if error is not None:
                self._tell(self._context, error)


async def _contained(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """A task that calls `sys.exit` would end the process, and everybody in it."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"wanted to end the process: {said_by(error)}") from error


@contextmanager
def _blocking_is_told(context: HostedContext) -> Iterator[None]:
    """Nobody can end what blocks the event loop, but somebody in another thread can say where it stands."""
    loop_thread = threading.get_ident()

    def tell() -> None:
        (place,) = where_it_stands(loop_thread, context.loaded.installed.package) or ("",)
        _log.error("lifespan_blocks", context=context.name, place=place)

    timer = threading.Timer(ENTERED_WITHIN_S + CARED_FOR_WITHIN_S, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def watching_threads(contexts: list[HostedContext], tell: Tell) -> Iterator[None]:
    """Tell when a thread of one of the contexts dies of an exception. Others are treated as ever."""
    loop, before = asyncio.get_running_loop(), threading.excepthook

    def died(end: threading.ExceptHookArgs) -> None:
        context = next((one for one in contexts if _is_of(end, one.loaded.installed.package)), None)
        if context is None or end.exc_value is None:
            before(end)
        else:
            loop.call_soon_threadsafe(tell, context, end.exc_value)

    threading.excepthook = died
    try:
        yield
    finally:
        threading.excepthook = before


def _is_of(end: threading.ExceptHookArgs, package: str) -> bool:
    frames = [frame for frame, _line in traceback.walk_tb(end.exc_traceback)]
    return any(is_in(frame.f_globals.get("__name__", ""), package) for frame in frames)
