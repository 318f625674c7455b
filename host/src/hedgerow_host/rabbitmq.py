"""Hints through RabbitMQ: dramatiq's broker, made quick to notice a loss and quick to forget a hint (ADR 0010).

A queue per context and nothing else. Messages are never written to disk and never wait: a hint that nobody took is
worthless as soon as the dispatcher has sent it again.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, UnroutableError

if TYPE_CHECKING:
    from dramatiq import Consumer, Message

DEFAULT_VHOST = "/"
HINT_LIFETIME_MS = 10_000
"""A hint without effect is sent again after 5 s (`dispatcher.RESEND_AFTER_S`), so that older ones only pile up:
behind workers that can't keep up, or in front of none. All of a queue live equally long, so the oldest go first."""
QUEUE_LIFETIME_MS = 24 * 60 * 60 * 1000
"""A queue that no worker consumes this long goes away by itself: nobody else clears up after a dropped database."""
HEARTBEAT_S = 5
"""Two of them without a word, and a connection counts as lost: also one that is only silent."""
TIMEOUT_S = 5.0
"""For connecting, for the handshakes, and for a server that blocks its publishers (out of memory or disk)."""
ATTEMPTS = 2
"""One over the connection there is, which may have died unnoticed, and one over a new one."""
TRANSIENT = 1
"""`delivery_mode` of a message that isn't written to disk."""

FAILURES = (AMQPError, AMQPConnectorException, OSError)
"""All that pika raises when RabbitMQ is away. The second is no AMQPError: somebody accepts, but says nothing."""

_QUEUE_ARGUMENTS = {"x-message-ttl": HINT_LIFETIME_MS, "x-expires": QUEUE_LIFETIME_MS}


class HintBroker(RabbitmqBroker):
    """dramatiq's broker without its queues for delayed and dead messages, which hints have no use for.

    A connection belongs to the thread that opened it; one that rarely sends must `tend` to its own.
    """

    def __init__(self, url: str) -> None:
        # Every failure reaches us as an exception; pika logs it besides, with tracebacks, at each new attempt.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        # Without confirmation a hint into a dead connection, or to a queue that is gone, would vanish unnoticed.
        super().__init__(parameters=[parameters_of(url)], middleware=[], confirm_delivery=True)

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Make the queue known; `ensure` creates it on the server, unless that has been done.

        Raises:
            ConnectionClosed: RabbitMQ is away.
        """
        if queue_name not in self.queues:
            self.queues.add(queue_name)
            self.queues_pending.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure and queue_name in self.queues_pending:
            try:
                # Durable is the queue, not what is in it: a transient queue is on its way out of RabbitMQ.
                self.channel.queue_declare(queue_name, durable=True, arguments=_QUEUE_ARGUMENTS)
            except FAILURES as error:
                self._disconnect()
                raise _away(error) from error
            self.queues_pending.discard(queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer with a connection of its own.

        Raises:
            ConnectionClosed: RabbitMQ is away.
        """
        try:
            return super().consume(queue_name, prefetch, timeout)
        except FAILURES as error:  # dramatiq knows of AMQPError only
            raise _away(error) from error

    def enqueue(self, message: Message[None], *, delay: int | None = None) -> Message[None]:
        """Send a message and have it confirmed.

        Raises:
            ConnectionClosed: RabbitMQ is away, or doesn't take messages at the moment.
        """
        assert delay is None, "a hint is never delayed: the ledger knows when it is due"  # noqa: S101
        failure: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                self.declare_queue(message.queue_name, ensure=True)
                self.channel.basic_publish(
                    exchange="",
                    routing_key=message.queue_name,
                    body=message.encode(),
                    properties=pika.BasicProperties(delivery_mode=TRANSIENT),
                    mandatory=True,
                )
            except UnroutableError as error:
                failure = error
                self.queues_pending.add(message.queue_name)  # somebody deleted it, or it has expired
            except (*FAILURES, ConnectionClosed) as error:
                failure = error
                self._disconnect()
            else:
                return message
        raise _away(failure) from failure

    def tend(self) -> None:
        """Answer heartbeats on this thread's connection, if it has one: RabbitMQ hangs up on who answers none.

        Sending would then open a new one, but each time RabbitMQ logs an error.
        """
        if getattr(self.state, "connection", None) is None:
            return
        try:
            self.connection.process_data_events()
        except FAILURES:
            self._disconnect()

    def _disconnect(self) -> None:
        """Forget this thread's connection; the next who needs one opens it."""
        del self.connection


def parameters_of(url: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """How pika connects to `amqp://user:password@host:5672/vhost`; `amqps` verifies the certificate.

    Whose certificates are trusted is OpenSSL's business (SSL_CERT_FILE, SSL_CERT_DIR).
    """
    given = urlsplit(url)
    parameters: dict[str, Any] = {
        "host": given.hostname,
        "virtual_host": unquote(given.path[1:]) or DEFAULT_VHOST,
        "ssl_options": pika.SSLOptions(ssl.create_default_context()) if given.scheme == "amqps" else None,
        "heartbeat": HEARTBEAT_S,
        "connection_attempts": 1,
        "socket_timeout": timeout_s,
        "stack_timeout": timeout_s,
        "blocked_connection_timeout": timeout_s,
    }
    if given.port is not None:
        parameters["port"] = given.port
    if given.username is not None:
        parameters["credentials"] = pika.PlainCredentials(unquote(given.username), unquote(given.password or ""))
    return parameters


def _away(reason: Exception | None) -> ConnectionClosed:
    return ConnectionClosed(reason)  # type: ignore[no-untyped-call]


def log_in(url: str, timeout_s: float) -> None:
    """Log in, and out again.

    Raises:
        one of FAILURES: RabbitMQ is away, or doesn't let us in.
    """
    pika.BlockingConnection(pika.ConnectionParameters(**parameters_of(url, timeout_s))).close()
