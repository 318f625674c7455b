"""Names whose code was running when a process ends over it: by os._exit, or by a crash in a library.

The process itself can't say so any more. A child does, which waits at a pipe until the start is over.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import NoReturn

LOOK_FOR = "look for os._exit, or a crash in a library; or leave it out of HEDGEROW_CONTEXTS"
"""What to do about code that ends a process."""

_NOTHING = b""
_READ_AT_ONCE = 65536

_pipe: ContextVar[int | None] = ContextVar("pipe_to_the_witness", default=None)


@contextmanager
def witnessed() -> Iterator[None]:
    """Have a witness for what runs until this is left. Who has one already keeps it."""
    if _pipe.get() is not None:
        yield
        return
    hears, told = os.pipe()
    witness = os.fork()
    if witness == 0:
        os.close(told)
        _listen(hears)
    os.close(hears)
    before = _pipe.set(told)
    try:
        yield
    finally:
        _pipe.reset(before)
        _tell(told, _NOTHING)
        os.close(told)
        os.waitpid(witness, 0)


@contextmanager
def in_case_it_ends(words: str) -> Iterator[None]:
    """What the witness, if there is one, is to say on stderr if the process ends before this is left."""
    told = _pipe.get()
    if told is None:
        yield
        return
    _tell(told, words.encode())
    try:
        yield
    finally:
        _tell(told, _NOTHING)


def _tell(told: int, words: bytes) -> None:
    with suppress(BrokenPipeError):  # somebody has killed the witness: then nothing is said, and that is all
        os.write(told, words.replace(b"\n", b" ")[: _READ_AT_ONCE // 2] + b"\n")


def _listen(hears: int) -> NoReturn:
    """Wait for the end of the pipe, then say what was last heard, and not taken back."""
    try:
        for asked_to_end in (signal.SIGINT, signal.SIGTERM):
            signal.signal(asked_to_end, signal.SIG_IGN)  # Ctrl-C reaches both, and the start takes its words back
        heard = b"\n"
        while more := os.read(hears, _READ_AT_ONCE):
            heard = (heard + more)[-2 * _READ_AT_ONCE :]
        words = heard.split(b"\n")[-2]
        if words != _NOTHING:
            os.write(2, b"error: " + words + f"\n  fix: {LOOK_FOR}\n".encode())
    finally:
        os._exit(0)
