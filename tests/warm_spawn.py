"""Forks what `multiprocessing` would start from nothing, in a process that was forked itself: the child of `dev`.

As one that is started anew it gets what is pickled for it and the files that are passed to it, and nothing else of
its parent but imported modules: no other file, no signal handler, nothing to do at the end.
"""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from itertools import pairwise
from multiprocessing import util
from typing import NoReturn

FILES = 256
SPAWNED = "--multiprocessing-fork"


def install() -> None:
    """From now on, this process spawns so."""
    util.spawnv_passfds = _spawn


def _spawn(path: bytes, arguments: Sequence[str], passed: Iterable[int]) -> int:
    *_, option, program, what = arguments
    if what != SPAWNED:
        return _from_nothing(path, arguments, passed)
    pid = os.fork()
    if pid == 0:
        _start_anew(passed)
        sys.argv = [option, what]
        _run(program)
    return pid


_from_nothing = util.spawnv_passfds


def _start_anew(passed: Iterable[int]) -> None:
    atexit._clear()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as Python does when it starts
        signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = [2, *sorted(passed), FILES]
    for before, after in pairwise(kept):
        os.closerange(before + 1, after)
    importlib.invalidate_caches()


def _run(program: str) -> NoReturn:
    code = 1
    try:
        exec(program, {})
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
