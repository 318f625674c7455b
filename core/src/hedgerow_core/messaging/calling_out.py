"""A task's call to the world outside, as operators see it: how long it took, what came of it, and its span."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.observability.metrics import TASK_CALL_SECONDS
from hedgerow_core.observability.tracing import calling


async def called(context: str, consumer: Consumer, message: Any) -> Any:
    """What the outside answers; None, at once, for who doesn't call out.

    A call that is broken off, at the deadline of its handler, was late.
    """
    if not consumer.calls_out:
        return None
    started, outcome = time.perf_counter(), "failed"
    try:
        with calling(consumer.name):
            answer = await consumer.call(message)
        outcome = "answered"
    except asyncio.CancelledError:
        outcome = "late"
        raise
    finally:
        TASK_CALL_SECONDS.labels(context, consumer.name, outcome).observe(time.perf_counter() - started)
    return answer
