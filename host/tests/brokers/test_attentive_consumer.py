"""A worker fetches what its own dispatcher hints at as soon as it is sent, and does next to nothing in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq import Message

from hedgerow_core.domain import new_id
from hedgerow_host.redis_hints import AttentiveConsumer, HintsOnly

QUEUE = "orchard"
LONG_MS = 60_000
"""Nothing in these tests may wait for it."""


@pytest.fixture
def broker(redis_url: str) -> Iterator[HintsOnly]:
    broker = HintsOnly(redis_url, f"test:{new_id()}")
    broker.declare_queue(QUEUE)
    yield broker
    broker.close()


def message(number: int) -> Message[Any]:
    return Message(QUEUE, "drain", (number,), {}, {})


def fetched(consumer: AttentiveConsumer) -> Any:
    return next(consumer) or next(consumer)


def test_a_hint_of_this_process_wakes_the_consumer_at_once(broker: HintsOnly) -> None:
    consumer = AttentiveConsumer(broker, QUEUE, prefetch=4, timeout=LONG_MS)
    timer = threading.Timer(0.1, broker.enqueue, [message(1)])
    timer.start()
    began = time.monotonic()

    assert fetched(consumer).args == (1,)

    assert time.monotonic() - began < LONG_MS / 1000 / 2
    timer.join()


def test_a_hint_of_another_process_is_found_when_it_looks_in(broker: HintsOnly, redis_url: str) -> None:
    consumer = AttentiveConsumer(broker, QUEUE, prefetch=4, timeout=50)
    assert next(consumer) is None
    other = HintsOnly(redis_url, broker.namespace)
    other.enqueue(message(1))
    other.close()

    assert not broker.woken[QUEUE].is_set(), "nobody has told it"
    assert fetched(consumer).args == (1,)


def test_after_a_hint_it_looks_in_for_those_of_other_processes_at_once(broker: HintsOnly, redis_url: str) -> None:
    consumer = AttentiveConsumer(broker, QUEUE, prefetch=4, timeout=LONG_MS)
    other = HintsOnly(redis_url, broker.namespace)
    other.enqueue(message(1))
    assert fetched(consumer).args == (1,)
    began = time.monotonic()

    assert next(consumer) is None
    other.enqueue(message(2))
    other.close()

    assert fetched(consumer).args == (2,)
    assert time.monotonic() - began < LONG_MS / 1000 / 2, "nobody has woken it"


def test_an_idle_consumer_asks_as_seldom_as_it_was_told(broker: HintsOnly) -> None:
    consumer = AttentiveConsumer(broker, QUEUE, prefetch=4, timeout=100)
    began = time.monotonic()

    assert [next(consumer) for _ in range(5)] == [None] * 5

    assert time.monotonic() - began >= 5 * 0.1


def test_who_was_full_fetches_on_as_soon_as_one_is_worked_off(broker: HintsOnly) -> None:
    consumer = AttentiveConsumer(broker, QUEUE, prefetch=1, timeout=LONG_MS)
    broker.enqueue(message(1))
    broker.enqueue(message(2))
    first = fetched(consumer)
    broker.woken[QUEUE].clear()

    threading.Timer(0.1, consumer.ack, [first]).start()
    began = time.monotonic()

    assert fetched(consumer).args == (2,)
    assert time.monotonic() - began < LONG_MS / 1000 / 2


def test_who_fetches_no_more_hands_out_what_it_has_and_leaves_the_rest_to_others(broker: HintsOnly) -> None:
    consumer = AttentiveConsumer(broker, QUEUE, prefetch=4, timeout=50)
    broker.enqueue(message(1))
    broker.enqueue(message(2))
    assert fetched(consumer).args == (1,)

    broker.fetches = False
    broker.enqueue(message(3))

    assert fetched(consumer).args == (2,)
    assert [next(consumer), next(consumer)] == [None, None]
    broker.fetches = True
    assert fetched(consumer).args == (3,), "it was there"
