"""The streams that announcements go to, and nudges come from: Redis Streams, RabbitMQ and Kafka, by FastStream.

A stream is an accelerator (ADR 0034). It may lose, double or turn around whatever it likes: what a subscriber takes
in comes from the publisher's feed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, final
from urllib.parse import urlsplit

from hedgerow_core.domain import new_id
from hedgerow_core.messaging.announcements import MEDIA_TYPE, Announcement
from hedgerow_host.exits import ExitCode, HostError

NAME = "hedgerow.events"
"""An exchange in RabbitMQ; elsewhere the beginning of the name of each context's stream."""
KEPT_IN_REDIS = 100_000
"""Announcements of a context that its Redis stream keeps, about. Nobody else clears it."""

_quiet = logging.getLogger("hedgerow_host.streams.faststream")
_quiet.setLevel(logging.CRITICAL)  # every failure reaches us as an exception, and is told once


class Stream(Protocol):
    """One kind of stream. Belongs to one event loop."""

    def listen_to(self, publishers: Sequence[str], heard: Callable[[str], None]) -> None:
        """Have `heard` called with a publisher's name for whatever it announces. To be said before `connect`."""
        ...

    async def connect(self) -> None:
        """Connect; announcements are heard from now on."""
        ...

    async def announce(self, context: str, announcements: Sequence[Announcement]) -> None:
        """Send them in their order; returns when the stream has confirmed all of them."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


@final
class RedisStream:
    """A Redis stream for each context. An entry's field `__data__` is the CloudEvent."""

    def __init__(self, url: str) -> None:
        from faststream.redis import RedisBroker

        from hedgerow_host.streams.redis_entries import PlainEntry

        self.broker = RedisBroker(url, logger=_quiet, message_format=PlainEntry)

    def listen_to(self, publishers: Sequence[str], heard: Callable[[str], None]) -> None:
        """From the end of their streams on."""
        from faststream.redis import StreamSub

        for publisher in publishers:
            stream = StreamSub(f"{NAME}.{publisher}", last_id="$", polling_interval=1_000)
            self.broker.subscriber(stream=stream)(_hearing(publisher, heard))

    async def connect(self) -> None:
        """Connect."""
        await self.broker.start()

    async def announce(self, context: str, announcements: Sequence[Announcement]) -> None:
        """Append them."""
        for one in announcements:
            await self.broker.publish(one.event, stream=f"{NAME}.{context}", maxlen=KEPT_IN_REDIS)

    async def close(self) -> None:
        """Disconnect."""
        await self.broker.stop()


@final
class RabbitStream:
    """A durable topic exchange; the routing key is the type of the event."""

    def __init__(self, url: str) -> None:
        from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange

        self.broker = RabbitBroker(url, logger=_quiet)
        self._exchange = RabbitExchange(NAME, type=ExchangeType.TOPIC, durable=True)

    def listen_to(self, publishers: Sequence[str], heard: Callable[[str], None]) -> None:
        """By queues that go away with us."""
        from faststream.rabbit import RabbitQueue

        for publisher in publishers:
            queue = RabbitQueue(
                f"{NAME}.{new_id()}", routing_key=f"{publisher}.#", exclusive=True, auto_delete=True
            )
            self.broker.subscriber(queue, self._exchange)(_hearing(publisher, heard))

    async def connect(self) -> None:
        """Connect, and make the exchange."""
        await self.broker.start()
        await self.broker.declare_exchange(self._exchange)

    async def announce(self, context: str, announcements: Sequence[Announcement]) -> None:
        """Publish them, persistent and confirmed; that nobody listens is no failure."""
        for one in announcements:
            await self.broker.publish(
                one.event,
                exchange=self._exchange,
                routing_key=one.type,
                content_type=MEDIA_TYPE,
                persist=True,
                mandatory=False,
            )

    async def close(self) -> None:
        """Disconnect."""
        await self.broker.stop()


@final
class KafkaStream:
    """A topic for each context; the key is the aggregate's id, so that its events stay in one partition."""

    def __init__(self, url: str) -> None:
        from faststream.kafka import KafkaBroker

        self.broker = KafkaBroker(
            urlsplit(url).netloc.split(","), logger=_quiet, acks="all", enable_idempotence=True
        )

    def listen_to(self, publishers: Sequence[str], heard: Callable[[str], None]) -> None:
        """Without a group: every process hears everything."""
        for publisher in publishers:
            self.broker.subscriber(f"{NAME}.{publisher}", group_id=None)(_hearing(publisher, heard))

    async def connect(self) -> None:
        """Connect."""
        await self.broker.start()

    async def announce(self, context: str, announcements: Sequence[Announcement]) -> None:
        """Produce them, each confirmed by all replicas."""
        for one in announcements:
            await self.broker.publish(
                one.event, f"{NAME}.{context}", key=one.key.encode(), headers={"content-type": MEDIA_TYPE}
            )

    async def close(self) -> None:
        """Disconnect."""
        await self.broker.stop()


KINDS: dict[str, Callable[[str], Stream]] = {
    "redis": RedisStream,
    "rediss": RedisStream,
    "amqp": RabbitStream,
    "amqps": RabbitStream,
    "kafka": KafkaStream,
}


def stream_at(url: str) -> Stream:
    """The stream at this address. Connects to nothing.

    Raises:
        HostError: FastStream is not installed.
    """
    try:
        return KINDS[url.partition("://")[0]](url)
    except ImportError as error:
        raise HostError(
            f"HEDGEROW_STREAM_URL is set, and {error.name} is not installed",
            fix="install hedgerow-host[streams], or unset it: no event needs it",
            code=ExitCode.MISCONFIGURED,
        ) from error


def _hearing(publisher: str, heard: Callable[[str], None]) -> Callable[[Any], Any]:
    async def hear(_message: Any) -> None:
        heard(publisher)

    return hear
