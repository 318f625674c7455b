"""Sees that a command that is done ends, whatever contexts have left running: a thread, or work for the exit."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_stack

ENDS_WITHIN_S = 10.0
"""From when all is done. What hosts wait for, requests and lifespans, is waited for before."""


@contextmanager
def ends_in_time() -> Iterator[None]:
    """Once this is left, the process ends within 10 s, with the exit code that it would have had."""
    code = 1
    try:
        yield
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
    finally:
        timer = threading.Timer(ENDS_WITHIN_S, _end, (code,))
        timer.daemon = True
        timer.start()


def _end(code: int) -> None:
    main = sys._current_frames()[threading.main_thread().ident or 0]
    last = extract_stack(main)[-1]
    left = [t.name for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
    waits = f"threads that go on: {', '.join(left)}" if left else f"{last.filename}:{last.lineno}"
    said = f"error: all is done, and the process was kept from ending by {waits}"
    fix = "mend the context that started this: let its lifespan end what it leaves to threads and atexit"
    os.write(2, f"{said}\n  fix: {fix}\n".encode())
    sys.stdout.flush()
    os._exit(code)
