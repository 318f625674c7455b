"""Billing: invoices and their payments.

Handles:
    CreateInvoice, OpenInvoice, VoidInvoice, RequestPayment (commands)
    GetInvoice, ListInvoices (queries)
    billing.charge_payment, billing.reconcile_payment, billing.void_unpaid_invoices (tasks)
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
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from hedgerow_billing.application.commands.create_invoice import CreateInvoice
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.queries.list_invoices import ListInvoices
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
from hedgerow_billing.application.tasks.reconcile_payment import ReconcilePayment
from hedgerow_billing.application.tasks.void_unpaid_invoices import VoidUnpaidInvoices
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.contracts import PUBLISHED
from hedgerow_billing.infrastructure.tables import CONSTRAINTS
from hedgerow_billing.interfaces.http import billing_router
from hedgerow_billing.settings import BillingSettings
from hedgerow_core.application import Bus, CommandHandler, QueryHandler
from hedgerow_core.http import ContextRouter
from hedgerow_core.messaging import OutboundTaskHandler, RetryPolicy, Subscription, TaskHandler
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, Subscriptions, hookimpl
from hedgerow_core.security import Permission

UNTIL_ANSWERED = RetryPolicy(attempts=150)
"""About a day at ten minutes each: money whose fate is unknown is not given up lightly, nor forgotten when dead."""

FOR_EVER = None
"""What moved money stays in the ledger, so that no repetition of it can go unnoticed."""


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
        ),
        constraints=CONSTRAINTS,
    )


@hookimpl
def migrations() -> MigrationHistory:
    """Where its schema comes from."""
    return MigrationHistory("hedgerow_billing.infrastructure.migrations")


@hookimpl
def container(core: CoreContainer, settings: BillingSettings) -> BillingContainer:
    """What is wired to what."""
    return BillingContainer(core=core, settings=settings)


@hookimpl
def handlers(container: BillingContainer) -> Handlers:
    """What it can be told and asked, and what it does later."""
    charge, reconcile = container.charge_payment(), container.reconcile_payment()
    return Handlers(
        work=container.work,
        commands=(
            CommandHandler(CreateInvoice, container.create_invoice()),
            CommandHandler(OpenInvoice, container.open_invoice()),
            CommandHandler(VoidInvoice, container.void_invoice()),
            CommandHandler(RequestPayment, container.request_payment()),
        ),
        queries=(
            QueryHandler(GetInvoice, container.get_invoice()),
            QueryHandler(ListInvoices, container.list_invoices()),
        ),
        tasks=(
            OutboundTaskHandler(task=ChargePayment, call=charge.call, apply=charge.apply, keep_completed=FOR_EVER),
            OutboundTaskHandler(
                task=ReconcilePayment,
                call=reconcile.call,
                apply=reconcile.apply,
                retry=UNTIL_ANSWERED,
                keep_completed=FOR_EVER,
            ),
            TaskHandler(task=VoidUnpaidInvoices, handle=container.void_unpaid_invoices()),
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
def routes(bus: Bus) -> Sequence[ContextRouter]:
    """What it serves over HTTP."""
    return (billing_router(bus),)
