"""Webhooks: lets events out to customers, each to the endpoints of the one whom it concerns.

Hosted only where HEDGEROW_CONTEXTS names it, because it sends requests to addresses that customers choose.

Handles:
    RegisterEndpoint, ChangeEndpoint, DeleteEndpoint, RotateSecret (commands of owners)
    RedeliverMessage, RedeliverFailed (commands of owners, and of who looks after all)
    GetEndpoint, ListEndpoints, GetMessage, ListMessages (queries)
    webhooks.send_message, webhooks.tidy_up (tasks)
Consumes:
    billing.invoice_created v1
    billing.invoice_opened v1
    billing.invoice_voided v1
    billing.invoice_paid v1
    billing.payment_failed v1
    billing.invoice_overdue v1
    billing.credit_note_issued v1
    billing.invoice_refunded v1
    webhooks.endpoint_disabled v1
    users.user_deactivated v1
    users.user_reactivated v1
    users.user_deleted v1
Publishes:
    webhooks.endpoint_disabled v1
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from hedgerow_core.application import Audited, Bus, CommandHandler, QueryHandler, Subject
from hedgerow_core.application.concerns import Concern
from hedgerow_core.http import ContextRouter
from hedgerow_core.messaging import OutboundTaskHandler, Schedule, Start, Subscription, TaskHandler
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import (
    CommandRunner,
    CoreContainer,
    Handlers,
    Manifest,
    Subscriptions,
    UnusableSetting,
    hookimpl,
)
from hedgerow_core.security import Permission
from hedgerow_webhooks.application.catalogue import LET_OUT, LetOut
from hedgerow_webhooks.application.commands.change_endpoint import ChangeEndpoint
from hedgerow_webhooks.application.commands.delete_endpoint import DeleteEndpoint
from hedgerow_webhooks.application.commands.redeliver_failed import RedeliverFailed
from hedgerow_webhooks.application.commands.redeliver_message import RedeliverMessage
from hedgerow_webhooks.application.commands.register_endpoint import RegisterEndpoint
from hedgerow_webhooks.application.commands.rotate_secret import RotateSecret
from hedgerow_webhooks.application.queries.get_endpoint import GetEndpoint
from hedgerow_webhooks.application.queries.get_message import GetMessage
from hedgerow_webhooks.application.queries.list_endpoints import ListEndpoints
from hedgerow_webhooks.application.queries.list_messages import ListMessages
from hedgerow_webhooks.application.subscriptions import (
    Account,
    forget_deleted_user,
    let_out,
    resume_for_reactivated_user,
    stop_for_deactivated_user,
)
from hedgerow_webhooks.application.tasks.send_message import SendMessage
from hedgerow_webhooks.application.tasks.tidy_up import TidyUp
from hedgerow_webhooks.container import WebhooksContainer
from hedgerow_webhooks.contracts import PUBLISHED
from hedgerow_webhooks.interfaces.concerns import CONCERNS, concerns
from hedgerow_webhooks.interfaces.http import endpoints_router
from hedgerow_webhooks.interfaces.messages import messages_router
from hedgerow_webhooks.settings import WebhooksSettings

if TYPE_CHECKING:
    import typer  # of the command line alone

KEEP_SENT = timedelta(days=1)
"""A task that was sent says nothing that the log of its message does not say; that is kept for longer."""


def _of_endpoint(action: str, *details: str) -> Audited:
    return Audited(
        action=action,
        subject=lambda command, _answer: Subject("endpoint", str(command.endpoint_id)),
        details=details,
    )


REGISTERED = Audited(
    action="webhooks.endpoint_registered",
    subject=lambda _command, made: Subject("endpoint", str(made.view.id)) if made is not None else None,
)
CHANGED = _of_endpoint("webhooks.endpoint_changed")
DELETED = _of_endpoint("webhooks.endpoint_deleted")
ROTATED = _of_endpoint("webhooks.secret_rotated")
REDELIVERED = Audited(
    action="webhooks.message_redelivered",
    subject=lambda command, _answer: Subject("message", str(command.message_id)),
)
REDELIVERED_ALL = _of_endpoint("webhooks.failed_redelivered", "since")


@hookimpl
def manifest() -> Manifest:
    """Who webhooks is, and what may be permitted in it."""
    return Manifest(
        name="webhooks",
        version=version("hedgerow-webhooks"),
        core_api=">=0.1,<0.2",
        optional=("users", "billing"),
        settings=WebhooksSettings,
        permissions=(
            Permission("webhooks:endpoint:write", "user", "Register, change and delete own endpoints"),
            Permission("webhooks:endpoint:read", "user", "Look at own endpoints and what was sent there"),
            Permission("webhooks:endpoint:read_any", "admin", "Look at everybody's endpoints"),
            Permission("webhooks:message:redeliver", "user", "Have own messages sent again"),
            Permission("webhooks:message:redeliver_any", "admin", "Have anybody's messages sent again"),
        ),
        concerns=CONCERNS,
    )


@hookimpl
def migrations() -> MigrationHistory:
    """Where its schema comes from."""
    return MigrationHistory("hedgerow_webhooks.infrastructure.migrations")


@hookimpl
def container(core: CoreContainer, settings: WebhooksSettings) -> WebhooksContainer:
    """What is wired to what.

    Raises:
        ExceptionGroup: of `UnusableSetting`: no secret where one must be, or a door to this machine.
    """
    unusable = list(_unusable(settings, core.environment()))
    if unusable:
        raise ExceptionGroup("settings", unusable)
    return WebhooksContainer(core=core, settings=settings)


def _unusable(settings: WebhooksSettings, environment: str) -> Iterator[UnusableSetting]:
    if environment == "dev":
        return
    if settings.secret is None:
        yield UnusableSetting(
            "WEBHOOKS_SECRET",
            "is not set, and only `dev` makes one for itself",
            fix="set it to what `openssl rand -hex 32` prints: one for all processes, kept like a password",
        )
    if settings.local_receivers:
        yield UnusableSetting(
            "WEBHOOKS_LOCAL_RECEIVERS",
            f"lets customers send requests to this machine, and this is {environment}",
            fix="leave it unset",
        )


@hookimpl
def handlers(container: WebhooksContainer) -> Handlers:
    """What it can be told and asked, and what it does later."""
    send = container.send_message()
    return Handlers(
        work=container.work,
        commands=(
            CommandHandler(RegisterEndpoint, container.register_endpoint(), audited=REGISTERED),
            CommandHandler(ChangeEndpoint, container.change_endpoint(), audited=CHANGED),
            CommandHandler(DeleteEndpoint, container.delete_endpoint(), audited=DELETED),
            CommandHandler(RotateSecret, container.rotate_secret(), audited=ROTATED),
            CommandHandler(RedeliverMessage, container.redeliver_message(), audited=REDELIVERED),
            CommandHandler(RedeliverFailed, container.redeliver_failed(), audited=REDELIVERED_ALL),
        ),
        queries=(
            QueryHandler(GetEndpoint, container.get_endpoint()),
            QueryHandler(ListEndpoints, container.list_endpoints()),
            QueryHandler(GetMessage, container.get_message()),
            QueryHandler(ListMessages, container.list_messages()),
        ),
        tasks=(
            OutboundTaskHandler(task=SendMessage, call=send.call, apply=send.apply, keep_completed=KEEP_SENT),
            TaskHandler(task=TidyUp, handle=container.tidy_up()),
        ),
        schedules=(Schedule(name="webhooks.tidy_up", cron="23 * * * *", task=lambda tick: TidyUp(tick=tick)),),
    )


@hookimpl
def subscriptions() -> Subscriptions:
    """What it publishes, and what it listens to."""
    return Subscriptions(
        publishes=PUBLISHED,
        subscribes=(
            *map(_letting_out, LET_OUT),
            Subscription(
                name="webhooks.stop_for_deactivated_user",
                event="users.user_deactivated",
                model=Account,
                handle=stop_for_deactivated_user,
            ),
            Subscription(
                name="webhooks.resume_for_reactivated_user",
                event="users.user_reactivated",
                model=Account,
                handle=resume_for_reactivated_user,
            ),
            Subscription(
                name="webhooks.forget_deleted_user",
                event="users.user_deleted",
                model=Account,
                handle=forget_deleted_user,
            ),
        ),
    )


def _letting_out(event: type[LetOut]) -> Subscription:
    """Begins with what happens from now on: nobody wants to be told what was before they asked to be told."""
    return Subscription(
        name=f"webhooks.let_out_{event.event_type.partition('.')[2]}",
        event=event.event_type,
        model=event,
        handle=let_out,
        start=Start.LATEST,
        ordered=False,  # messages are not sent in order, either
    )


@hookimpl
def checks(container: WebhooksContainer) -> Sequence[Concern]:
    """What is unwise in its settings."""
    return tuple(concerns(container.settings()))


@hookimpl
def routes(container: WebhooksContainer, bus: Bus) -> Sequence[ContextRouter]:
    """What it serves over HTTP."""
    return (endpoints_router(bus), messages_router(bus))


@hookimpl
@asynccontextmanager
async def lifespan(container: WebhooksContainer) -> AsyncIterator[None]:
    """Closes what is open to receivers when a process has served."""
    try:
        yield
    finally:
        await container.sender().close()


@hookimpl
def cli(run: CommandRunner) -> typer.Typer:
    """`hedgerow webhooks …`."""
    from hedgerow_webhooks.interfaces.cli import webhooks_cli  # who serves does without a command line
    from hedgerow_webhooks.interfaces.operators import OperatorVerbs

    return webhooks_cli(OperatorVerbs(run))
