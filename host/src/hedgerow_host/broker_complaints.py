"""Spares the log what dramatiq says of each queue every three seconds while the broker is away.

`dispatcher_waits` has said it once, and nothing is lost; a thousand `critical` lines an hour only hide what is.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from typing import final

AGAIN_AFTER_S = 60.0


@final
class OnceAMinute(logging.Filter):
    """Lets each kind of message pass once a minute. Which broker and which hint it is about makes no other kind."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said."""
        now = time.monotonic()
        if now - self._said_at.get(record.msg, -math.inf) < AGAIN_AFTER_S:
            return False
        self._said_at[record.msg] = now
        return True


def hear_once_a_minute(queues: Iterable[str]) -> None:
    """Of whoever consumes these queues in this process."""
    for queue in queues:
        logging.getLogger(f"dramatiq.worker.ConsumerThread({queue})").addFilter(OnceAMinute())
