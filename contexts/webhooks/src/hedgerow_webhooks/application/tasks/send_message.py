"""Send one message: call the receiver without a transaction, then write down what came of it, and what follows.

A receiver that fails is no failure of ours, so the task completes and leaves another one for the next attempt: the
plan is the ledger's, and what is dead there is ours to mend. A crash in between sends the same message again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, final
from uuid import UUID

from hedgerow_core.application import ALL_ROWS, AuditEntry, Subject, Task
from hedgerow_core.domain import Clock
from hedgerow_core.messaging import RetryPolicy
from hedgerow_core.observability import log_of
from hedgerow_webhooks.application.lanes import Lanes
from hedgerow_webhooks.application.ports import Health, KnownMessage, WebhooksWork
from hedgerow_webhooks.application.sending import Outgoing, OutgoingReader, Sender
from hedgerow_webhooks.application.signing import signed_headers
from hedgerow_webhooks.domain.errors import EndpointNotFound
from hedgerow_webhooks.domain.events import GivenUp
from hedgerow_webhooks.domain.message import Attempt, MessageStatus

PLAN = RetryPolicy(attempts=19, first_wait=timedelta(seconds=5), longest_wait=timedelta(hours=12))
"""5 s, 10 s, 20 s … 12 h: about three days, as Standard Webhooks advises."""
FOR_A_LANE = RetryPolicy(first_wait=timedelta(seconds=1), longest_wait=timedelta(minutes=1))
"""Doubling, because a crowd that comes again every second would keep the ledger busy with nothing."""
GIVEN_UP = "webhooks.endpoint_disabled"
"""In the trail."""

_log = log_of(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(Task):
    """`run` grows when somebody has the message sent again: what was planned before is dropped."""

    name: ClassVar[str] = "webhooks.send_message"

    message_id: UUID
    run: int
    waited: int = 0
    """How often no lane was free."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: no lane is free, or the endpoint is left alone for a while. Counts as no attempt."""

    wait: timedelta
    waited: int = 0


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Not at all: the endpoint is off, or the account of its owner is closed."""


Outcome = Attempt | Later | SwitchedOff | None
"""None: there is nothing to be sent (any more)."""


@final
class SendMessageHandler:
    """Runs in a worker."""

    def __init__(
        self, *, messages: OutgoingReader, sender: Sender, lanes: Lanes, clock: Clock, give_up_after: timedelta
    ) -> None:
        self._messages = messages
        self._sender = sender
        self._lanes = lanes
        self._clock = clock
        self._give_up_after = give_up_after

    async def call(self, task: SendMessage) -> Outcome:
        """Send it, outside any transaction.

        Raises:
            SecretUnreadable: the operator has to mend it; the ledger tries again.
        """
        outgoing = await self._messages.outgoing(task.message_id, run=task.run)
        if outgoing is None:
            return None
        if not outgoing.is_receivable:
            return SwitchedOff()
        now = self._clock.now()
        if outgoing.resting_until is not None and outgoing.resting_until > now:
            # Spread, so that all who wait for the same endpoint do not come at the same moment.
            return Later((outgoing.resting_until - now) * random.uniform(1.0, 1.5))  # noqa: S311
        with self._lanes.lane(outgoing.owner_id) as is_free:
            if is_free:
                return await self._send(outgoing, now)
        waited = task.waited + 1
        return Later(FOR_A_LANE.wait_after(waited), waited)

    async def _send(self, outgoing: Outgoing, now: datetime) -> Attempt:
        headers = signed_headers(str(outgoing.webhook_id), outgoing.body, outgoing.secrets, at=now)
        return await self._sender.send(outgoing.target, headers, outgoing.body)

    async def apply(self, task: SendMessage, outcome: Outcome, work: WebhooksWork) -> None:
        """Write it down. The endpoint's row first, then the message's: so nobody waits in a ring."""
        match outcome:
            case None:
                return
            case Later(wait, waited):
                await work.tasks.enqueue(replace(task, waited=waited), delay=wait)
            case SwitchedOff():
                message = await _in_this_run(task, work)
                if message is not None:
                    await work.messages.settle(
                        message, MessageStatus.FAILED, tries=message.tries, next_attempt_at=None
                    )
            case Attempt():
                await self._note(task, outcome, work)

    async def _note(self, task: SendMessage, attempt: Attempt, work: WebhooksWork) -> None:
        endpoint_id = await work.messages.endpoint_of(task.message_id)
        if endpoint_id is None:
            return  # deleted meanwhile
        health = await work.endpoints.note(endpoint_id, attempt)
        message = await _in_this_run(task, work)
        await work.messages.log(task.message_id, attempt)  # it was sent, whatever has happened meanwhile
        if message is not None:
            await self._settle(task, message, attempt, work)
        if health is not None:
            await self._give_up_if_hopeless(endpoint_id, attempt, health, work)

    async def _settle(self, task: SendMessage, message: KnownMessage, attempt: Attempt, work: WebhooksWork) -> None:
        tries = message.tries + 1
        if attempt.arrived:
            await work.messages.settle(message, MessageStatus.DELIVERED, tries=tries, next_attempt_at=None)
        elif tries >= PLAN.attempts:
            await work.messages.settle(message, MessageStatus.FAILED, tries=tries, next_attempt_at=None)
        else:
            wait = PLAN.wait_after(tries)
            await work.messages.settle(
                message, MessageStatus.PENDING, tries=tries, next_attempt_at=self._clock.now() + wait
            )
            await work.tasks.enqueue(replace(task, waited=0), delay=wait)

    async def _give_up_if_hopeless(
        self, endpoint_id: UUID, attempt: Attempt, health: Health, work: WebhooksWork
    ) -> None:
        now, since = self._clock.now(), health.failing_since
        if attempt.is_gone:
            reason = GivenUp.GONE
        elif since is not None and now - since >= self._give_up_after:
            reason = GivenUp.FAILING
        else:
            return
        try:
            endpoint = await work.endpoints.within(ALL_ROWS, endpoint_id)
        except EndpointNotFound:
            return
        if not endpoint.is_on:
            return
        endpoint.give_up(reason, failing_since=since, at=now)
        await work.endpoints.update(endpoint)
        work.audit(AuditEntry(action=GIVEN_UP, subject=Subject("endpoint", str(endpoint_id))))
        _log.warning("webhook_endpoint_disabled", endpoint_id=str(endpoint_id), reason=reason.value)


async def _in_this_run(task: SendMessage, work: WebhooksWork) -> KnownMessage | None:
    """The message, locked, if it still waits for what this task does."""
    message = await work.messages.locked(task.message_id, rows=ALL_ROWS)
    if message is None or message.run != task.run or message.status is not MessageStatus.PENDING:
        return None
    return message
