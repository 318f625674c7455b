"""Where the lines of the log go: to stderr, each at once, or those of one turn of the event loop in one go."""

from __future__ import annotations

import asyncio
import atexit
import sys
from collections import deque
from typing import final


@final
class Lines:
    """Writes whole lines, in the order in which they come, from any thread.

    A write costs as much as everything else about a line. What is over when it is told, such as a request that has
    been answered, need not be written by itself: it waits for the next turn of the loop, or for the next line that
    doesn't. Whatever says what is about to happen must not wait: it may be the last that a process says.
    """

    def __init__(self) -> None:
        self._file = sys.stderr
        self._waiting: deque[str] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where the lines that wait will be written."""
        atexit.register(self.flush)

    def write(self, text: str) -> int:
        """Write what waits and this, which ends in a newline."""
        self._waiting.append(text)
        self.flush()
        return len(text)

    def write_soon(self, text: str) -> None:
        """Write this with the other lines of this turn of the loop; at once where no loop runs."""
        self._waiting.append(text)
        if self._loop is None or self._loop.is_closed():
            try:
                self._loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
            else:
                self._loop.call_soon(self._turn)

    def flush(self) -> None:
        """Write what waits."""
        together = []
        while True:
            try:
                together.append(self._waiting.popleft())
            except IndexError:
                break
        if together:
            self._file.write("".join(together))
            self._file.flush()

    def _turn(self) -> None:
        self._loop = None
        self.flush()
