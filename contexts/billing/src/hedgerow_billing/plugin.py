"""Billing: invoices and their payments.

Handles:
    CreateInvoice, OpenInvoice, VoidInvoice, RequestPayment (commands of customers)
    CreditInvoice, RequestRefund, WriteOffInvoice (commands of who looks after the books)
    TakeNotice (command of the gateway), LeaveDeadLetters (command of the seed)
    GetInvoice, ListInvoices, ExportInvoices, GetDocument, ListStatement, CustomerBalance, VerifyLedger (queries)
    billing.charge_payment, billing.reconcile_payment, billing.look_at_payment,
    billing.refund_payment, billing.reconcile_refund, billing.look_at_refund,
    billing.void_unpaid_invoices, billing.mark_overdue, billing.collect_payments, billing.fail_on_purpose (tasks)
Consumes:
    users.user_registered v1
    users.user_updated v1
    users.user_deactivated v1
    users.user_reactivated v1
    users.user_deleted v1
Publishes:
    billing.invoice_created v1
    billing.invoice_opened v1
    billing.invoice_voided v1
    billing.payment_requested v1
    billing.invoice_paid v1
    billing.payment_failed v1
    billing.invoice_overdue v1
    billing.invoice_written_off v1
    billing.collection_exhausted v1
    billing.credit_note_issued v1
    billing.invoice_refunded v1
    billing.refund_failed v1
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from hedgerow_billing.application.commands.create_invoice import CreateInvoice
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.leave_dead_letters import LeaveDeadLetters, leave_dead_letters
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.take_notice import TakeNotice
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.demo_invoices import SeedInvoices
from hedgerow_billing.application.queries.customer_balance import CustomerBalance
from hedgerow_billing.application.queries.export_invoices import ExportInvoices
from hedgerow_billing.application.queries.get_document import GetDocument
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.queries.list_invoices import ListInvoices
from hedgerow_billing.application.queries.list_statement import ListStatement
from hedgerow_billing.application.queries.verify_ledger import VerifyLedger
from hedgerow_billing.application.subscriptions import (
    RegisteredUser,
    UpdatedUser,
    User,
    copy_registered_user,
    copy_updated_user,
    forget_deleted_user,
    note_deactivated_user,
    note_reactivated_user,
)
from hedgerow_billing.application.tasks.charge_payment import ChargePayment
from hedgerow_billing.application.tasks.collect_payments import CollectPayments
from hedgerow_billing.application.tasks.fail_on_purpose import FailOnPurpose, fail_on_purpose
from hedgerow_billing.application.tasks.look_at_payment import LookAtPayment, LookAtRefund
from hedgerow_billing.application.tasks.mark_overdue import MarkOverdue
from hedgerow_billing.application.tasks.reconcile_payment import ReconcilePayment
from hedgerow_billing.application.tasks.refund_payment import ReconcileRefund, RefundPayment
from hedgerow_billing.application.tasks.void_unpaid_invoices import VoidUnpaidInvoices
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.contracts import PUBLISHED
from hedgerow_billing.infrastructure.answers import ANSWERS
from hedgerow_billing.infrastructure.tables import CONSTRAINTS
from hedgerow_billing.interfaces.concerns import CONCERNS, concerns
from hedgerow_billing.interfaces.documents import documents_router
from hedgerow_billing.interfaces.exports import exports_router
from hedgerow_billing.interfaces.http import billing_router
from hedgerow_billing.interfaces.statements import statements_router
from hedgerow_billing.interfaces.webhooks import webhooks_router
from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application import Audited, Bus, CommandHandler, QueryHandler, Subject
from hedgerow_core.application.concerns import Concern
from hedgerow_core.application.seeding import Seed
from hedgerow_core.http import ContextRouter
from hedgerow_core.messaging import OutboundTaskHandler, RetryPolicy, Schedule, Subscription, TaskHandler
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

if TYPE_CHECKING:
    import typer  # of the command line alone

UNTIL_ANSWERED = RetryPolicy(attempts=150)
"""About a day at ten minutes each: money whose fate is unknown is not given up lightly, nor forgotten when dead."""

AT_ONCE_DEAD = RetryPolicy(attempts=1)

FOR_EVER = None
"""What moved money stays in the ledger, so that no repetition of it can go unnoticed."""

moves_money = partial(OutboundTaskHandler, retry=UNTIL_ANSWERED, keep_completed=FOR_EVER)


def _of_invoice(action: str, *details: str) -> Audited:
    """Have a command about somebody's invoice written down."""
    return Audited(
        action=action,
        subject=lambda command, _answer: Subject("invoice", str(command.invoice_id)),
        details=details,
    )


CREDITED = _of_invoice("billing.invoice_credited", "amount", "reason")
REFUND_REQUESTED = _of_invoice("billing.refund_requested", "amount", "reason")
WRITTEN_OFF = _of_invoice("billing.invoice_written_off")


@hookimpl
def manifest() -> Manifest:
    """Who billing is, and what may be permitted in it."""
    return Manifest(
        name="billing",
        version=version("hedgerow-billing"),
        core_api=">=0.1,<0.2",
        optional=("users",),
        settings=BillingSettings,
        permissions=(
            Permission("billing:invoice:create", "user", "Write drafts of own invoices"),
            Permission("billing:invoice:read", "user", "Look at own invoices"),
            Permission("billing:invoice:read_any", "admin", "Look at everybody's invoices"),
            Permission("billing:invoice:open", "user", "Open own invoices"),
            Permission("billing:invoice:void", "user", "Void own invoices"),
            Permission("billing:invoice:pay", "user", "Pay own invoices"),
            Permission("billing:invoice:credit", "admin", "Credit anybody's open invoices"),
            Permission("billing:invoice:refund", "admin", "Give back what anybody has paid"),
            Permission("billing:invoice:write_off", "admin", "Give up what anybody owes"),
            Permission("billing:statement:read", "user", "Look at what one owes, and how it came to that"),
            Permission("billing:statement:read_any", "admin", "Look at what anybody owes"),
        ),
        constraints=CONSTRAINTS,
        concerns=CONCERNS,
    )


@hookimpl
def migrations() -> MigrationHistory:
    """Where its schema comes from."""
    return MigrationHistory("hedgerow_billing.infrastructure.migrations")


@hookimpl
def container(core: CoreContainer, settings: BillingSettings) -> BillingContainer:
    """What is wired to what.

    Raises:
        ExceptionGroup: of `UnusableSetting`: nobody has said through whom money moves, or what that gateway needs.
    """
    unusable = list(_unusable(settings, core.environment()))
    if unusable:
        raise ExceptionGroup("settings", unusable)
    return BillingContainer(core=core, settings=settings)


def _unusable(settings: BillingSettings, environment: str) -> Iterator[UnusableSetting]:
    """A shop that seems to charge, and doesn't, is noticed when the month is over."""
    if settings.gateway is None and environment != "dev":
        yield UnusableSetting(
            "BILLING_GATEWAY",
            "is not set, and only `dev` charges nobody without being told to",
            fix="set it to stripe, or to sandbox if no money is to move here",
        )
    needed = {
        "BILLING_STRIPE_API_KEY": (settings.stripe_api_key, "the key (sk_… or rk_…) of your account at Stripe"),
        "BILLING_STRIPE_WEBHOOK_SECRET": (
            settings.stripe_webhook_secret,
            "the secret (whsec_…) that Stripe shows for its endpoint /v1/billing/webhooks/stripe",
        ),
    }
    for variable, (value, what) in needed.items():
        if settings.gateway is Gateway.STRIPE and value is None:
            yield UnusableSetting(variable, "is not set, and BILLING_GATEWAY is stripe", fix=f"set it to {what}")


@hookimpl
def handlers(container: BillingContainer) -> Handlers:
    """What it can be told and asked, and what it does later."""
    charge, reconcile = container.charge_payment(), container.reconcile_payment()
    refund, reconcile_refund = container.refund_payment(), container.reconcile_refund()
    look, look_at_refund = container.look_at_payment(), container.look_at_refund()
    return Handlers(
        work=container.work,
        commands=(
            CommandHandler(CreateInvoice, container.create_invoice()),
            CommandHandler(OpenInvoice, container.open_invoice()),
            CommandHandler(VoidInvoice, container.void_invoice()),
            CommandHandler(RequestPayment, container.request_payment()),
            CommandHandler(LeaveDeadLetters, leave_dead_letters),
            CommandHandler(CreditInvoice, container.credit_invoice(), audited=CREDITED),
            CommandHandler(RequestRefund, container.request_refund(), audited=REFUND_REQUESTED),
            CommandHandler(WriteOffInvoice, container.write_off_invoice(), audited=WRITTEN_OFF),
            CommandHandler(TakeNotice, container.take_notice()),
        ),
        queries=(
            QueryHandler(GetInvoice, container.get_invoice()),
            QueryHandler(ListInvoices, container.list_invoices()),
            QueryHandler(ExportInvoices, container.export_invoices()),
            QueryHandler(GetDocument, container.get_document()),
            QueryHandler(ListStatement, container.list_statement()),
            QueryHandler(CustomerBalance, container.customer_balance()),
            QueryHandler(VerifyLedger, container.verify_ledger()),
        ),
        tasks=(
            moves_money(task=ChargePayment, call=charge.call, apply=charge.apply),
            moves_money(task=ReconcilePayment, call=reconcile.call, apply=reconcile.apply),
            moves_money(task=RefundPayment, call=refund.call, apply=refund.apply),
            moves_money(task=ReconcileRefund, call=reconcile_refund.call, apply=reconcile_refund.apply),
            OutboundTaskHandler(task=LookAtPayment, call=look.call, apply=look.apply, retry=UNTIL_ANSWERED),
            OutboundTaskHandler(
                task=LookAtRefund, call=look_at_refund.call, apply=look_at_refund.apply, retry=UNTIL_ANSWERED
            ),
            TaskHandler(task=VoidUnpaidInvoices, handle=container.void_unpaid_invoices()),
            TaskHandler(task=MarkOverdue, handle=container.mark_overdue()),
            TaskHandler(task=CollectPayments, handle=container.collect_payments()),
            TaskHandler(task=FailOnPurpose, handle=fail_on_purpose, retry=AT_ONCE_DEAD),
        ),
        answers=ANSWERS,
        schedules=(
            Schedule(name="billing.mark_overdue", cron="7 * * * *", task=lambda tick: MarkOverdue(tick=tick)),
            Schedule(
                name="billing.collect_payments", cron="*/5 * * * *", task=lambda tick: CollectPayments(tick=tick)
            ),
        ),
    )


@hookimpl
def subscriptions() -> Subscriptions:
    """What it publishes, and what it listens to."""
    return Subscriptions(
        publishes=PUBLISHED,
        subscribes=(
            Subscription(
                name="billing.copy_registered_user",
                event="users.user_registered",
                model=RegisteredUser,
                handle=copy_registered_user,
            ),
            Subscription(
                name="billing.copy_updated_user",
                event="users.user_updated",
                model=UpdatedUser,
                handle=copy_updated_user,
            ),
            Subscription(
                name="billing.note_deactivated_user",
                event="users.user_deactivated",
                model=User,
                handle=note_deactivated_user,
            ),
            Subscription(
                name="billing.note_reactivated_user",
                event="users.user_reactivated",
                model=User,
                handle=note_reactivated_user,
            ),
            Subscription(
                name="billing.forget_deleted_user",
                event="users.user_deleted",
                model=User,
                handle=forget_deleted_user,
            ),
        ),
    )


@hookimpl
def checks(container: BillingContainer) -> Sequence[Concern]:
    """What is unwise in its settings."""
    return tuple(concerns(container.settings()))


@hookimpl
def seed(container: BillingContainer, bus: Bus) -> Seed:
    """Demo data: invoices in every state."""
    return SeedInvoices(bus, container.invoice_reader(), moves_money=container.settings().gateway is Gateway.STRIPE)


@hookimpl
def routes(container: BillingContainer, bus: Bus) -> Sequence[ContextRouter]:
    """What it serves over HTTP. Notices are taken only where a gateway sends some."""
    notices = container.notices()
    return (
        billing_router(bus),
        exports_router(bus),
        documents_router(bus),
        statements_router(bus),
        *([webhooks_router(bus, notices)] if notices is not None else []),
    )


@hookimpl
@asynccontextmanager
async def lifespan(container: BillingContainer) -> AsyncIterator[None]:
    """Keeps connections to the gateway as long as a process serves."""
    try:
        yield
    finally:
        await container.gateway().close()


@hookimpl
def cli(run: CommandRunner) -> typer.Typer:
    """`hedgerow billing …`."""
    from hedgerow_billing.interfaces.cli import billing_cli  # who serves does without a command line

    return billing_cli(verify=lambda: run(lambda _container, bus: bus.ask(VerifyLedger())))
