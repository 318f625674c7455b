"""A broker that is away is told of, and not every three seconds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import NoReturn

import dramatiq.worker
import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import BrokerConnectionError

from hedgerow_host import broker_complaints
from hedgerow_host.broker_complaints import hear_once_a_minute

QUEUE = "plums"
LOG = logging.getLogger(f"dramatiq.worker.ConsumerThread({QUEUE})")


class BrokerThatIsAway(StubBroker):
    def __init__(self) -> None:
        super().__init__()
        self.tries = 0
        self.tried_five_times = threading.Event()

    def consume(self, *_: object, **__: object) -> NoReturn:
        self.tries += 1
        if self.tries == 5:
            self.tried_five_times.set()
        raise BrokerConnectionError("refused")


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    LOG.filters.clear()


def complaints(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> int:
    """How often a consumer has complained when it has tried to come back five times."""
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.01)
    broker = BrokerThatIsAway()
    broker.declare_queue(QUEUE)
    worker = Worker(broker, queues={QUEUE}, worker_threads=1)
    worker.start()
    assert broker.tried_five_times.wait(30)
    worker.stop()
    return sum(record.name == LOG.name and record.levelno == logging.CRITICAL for record in caplog.records)


def test_a_consumer_complains_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert complaints(monkeypatch, caplog) >= 4, "the twin: every time, unless we see to it"
    caplog.clear()

    hear_once_a_minute([QUEUE])

    assert complaints(monkeypatch, caplog) == 1


def test_it_complains_again_when_the_minute_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker_complaints, "AGAIN_AFTER_S", 0.0)
    hear_once_a_minute([QUEUE])

    assert complaints(monkeypatch, caplog) >= 4
