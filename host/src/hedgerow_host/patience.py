"""Runs what a context brings at start, its import and its hooks, and goes on without what does not come back.

It runs in a thread of its own, because nothing else can be left behind: not a sleep, not a lock, not a call into C.
What is slow is not taken for what hangs: as long as modules are imported, it is waited for.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import redirect_stdout
from threading import Thread
from traceback import walk_stack
from typing import TypeVar

from hedgerow_host.problems import last_place

PATIENCE_S = 5.0
"""Without a new module. Who starts the host hears within 10 s what hangs."""
LOOK_EVERY_S = 0.1

Answer = TypeVar("Answer")


class Broke(Exception):
    """It raised `error`, whatever kind that is: what a context raises ends no process."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(type(error)))
        self.error = error


class Hangs(Exception):
    """It does not come back; `place` is where it stands."""

    def __init__(self, place: tuple[str, ...]) -> None:
        super().__init__(place)
        self.place = place


def patiently(work: Callable[[], Answer], package: str) -> Answer:
    """Run some work of a package to its end. What it prints goes to stderr: stdout is for results.

    Raises:
        Broke: it raised something.
        Hangs: it was left behind, in a thread that keeps no process from ending.
    """
    outcome: Future[Answer] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    with redirect_stdout(sys.stderr):
        thread = Thread(target=run, name=f"start of {package}", daemon=True)
        thread.start()
        _wait_for(thread, package)
    error = outcome.exception()
    if error is not None:
        raise Broke(error) from error
    return outcome.result()


def _wait_for(thread: Thread, package: str) -> None:
    modules, deadline = len(sys.modules), time.monotonic() + PATIENCE_S
    while True:
        thread.join(LOOK_EVERY_S)
        if not thread.is_alive():
            return
        if len(sys.modules) != modules:
            modules, deadline = len(sys.modules), time.monotonic() + PATIENCE_S
        elif time.monotonic() > deadline:
            place = where_it_stands(thread.ident, package)
            _ask_to_end(thread)
            raise Hangs(place)


def where_it_stands(thread: int | None, package: str) -> tuple[str, ...]:
    """File and line at which a thread is right now: in the package, if it is there at all."""
    frame = sys._current_frames().get(thread or 0)
    return last_place(reversed(list(walk_stack(frame))), package) if frame else ()


def _ask_to_end(thread: Thread) -> None:
    """A loop would take half of the processor time for ever. A call into C goes on, and takes none."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
