"""What the verbs of the command line ask of the context: everybody's rows, through the same bus as requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, final
from uuid import UUID

from hedgerow_core.application import ALL_ROWS, MAX_LIMIT, Bus, Filter, Operator, RowScope
from hedgerow_webhooks.application.commands.redeliver_failed import RedeliverFailed
from hedgerow_webhooks.application.commands.redeliver_message import RedeliverMessage
from hedgerow_webhooks.application.queries.list_endpoints import ListEndpoints
from hedgerow_webhooks.application.queries.list_messages import ListMessages
from hedgerow_webhooks.application.views import EndpointView, MessageView
from hedgerow_webhooks.domain.message import MessageStatus

Answer = TypeVar("Answer")


class Run(Protocol):
    """Runs something on the context, as the hook `cli` is given it."""

    def __call__(self, work: Callable[[Any, Bus], Awaitable[Answer]], /) -> Answer:
        """`run(lambda container, bus: …)`."""
        ...


@final
class OperatorVerbs:
    """The port `Verbs`."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def endpoints(self, owner: UUID | None) -> Sequence[EndpointView]:
        """Of this owner, or of everybody."""
        page = self._run(lambda _container, bus: bus.ask(ListEndpoints(rows=RowScope(owner), limit=MAX_LIMIT)))
        return page.items

    def messages(self, endpoint: UUID, status: MessageStatus | None) -> Sequence[MessageView]:
        """To this endpoint, whosever it is."""
        filters = () if status is None else (Filter("status", Operator.EQ, status),)
        query = ListMessages(rows=ALL_ROWS, endpoint_id=endpoint, filters=filters, limit=MAX_LIMIT)
        return self._run(lambda _container, bus: bus.ask(query)).items

    def redeliver(self, message: UUID) -> None:
        """Whosever it is."""
        self._run(lambda _container, bus: bus.execute(RedeliverMessage(rows=ALL_ROWS, message_id=message)))

    def redeliver_failed(self, endpoint: UUID, since: datetime) -> int:
        """Whosever it is."""
        command = RedeliverFailed(rows=ALL_ROWS, endpoint_id=endpoint, since=since)
        return self._run(lambda _container, bus: bus.execute(command))

    def reseal(self) -> tuple[int, int]:
        """Past the bus: it changes nothing that anybody sees."""
        counts: tuple[int, int] = self._run(
            lambda container, _bus: container.secrets().reseal(container.core.database())
        )
        return counts
