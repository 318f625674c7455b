"""What is wired to what in billing. Override `gateway` to talk to another one."""

from __future__ import annotations

from dependency_injector import containers, providers

from hedgerow_billing.application.commands.create_invoice import CreateInvoiceHandler
from hedgerow_billing.application.commands.credit_invoice import CreditInvoiceHandler
from hedgerow_billing.application.commands.open_invoice import OpenInvoiceHandler
from hedgerow_billing.application.commands.request_payment import RequestPaymentHandler
from hedgerow_billing.application.commands.request_refund import RequestRefundHandler
from hedgerow_billing.application.commands.take_notice import TakeNoticeHandler
from hedgerow_billing.application.commands.void_invoice import VoidInvoiceHandler
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoiceHandler
from hedgerow_billing.application.gateway import PaymentGateway
from hedgerow_billing.application.notices import NoticeReader
from hedgerow_billing.application.queries.customer_balance import BALANCES, CustomerBalanceHandler
from hedgerow_billing.application.queries.export_invoices import ExportInvoicesHandler
from hedgerow_billing.application.queries.get_document import GetDocumentHandler
from hedgerow_billing.application.queries.get_invoice import GetInvoiceHandler
from hedgerow_billing.application.queries.list_invoices import ListInvoicesHandler
from hedgerow_billing.application.queries.list_statement import ListStatementHandler
from hedgerow_billing.application.queries.verify_ledger import VerifyLedgerHandler
from hedgerow_billing.application.tasks.charge_payment import ChargePaymentHandler
from hedgerow_billing.application.tasks.collect_payments import CollectPaymentsHandler
from hedgerow_billing.application.tasks.look_at_payment import LookAtPaymentHandler, LookAtRefundHandler
from hedgerow_billing.application.tasks.mark_overdue import MarkOverdueHandler
from hedgerow_billing.application.tasks.reconcile_payment import ReconcilePaymentHandler
from hedgerow_billing.application.tasks.refund_payment import ReconcileRefundHandler, RefundPaymentHandler
from hedgerow_billing.application.tasks.void_unpaid_invoices import VoidUnpaidInvoicesHandler
from hedgerow_billing.infrastructure.audit import PostgresAuditor
from hedgerow_billing.infrastructure.exported import PostgresCustomerReader, PostgresInvoiceRowReader
from hedgerow_billing.infrastructure.gateways.choice import gateway_for, notices_for
from hedgerow_billing.infrastructure.readers import PostgresInvoiceReader, PostgresTransferReader
from hedgerow_billing.infrastructure.statements import PostgresStatementReader
from hedgerow_billing.infrastructure.work import PostgresBillingWork
from hedgerow_billing.settings import BillingSettings
from hedgerow_core.application.cache import Clearing


class BillingContainer(containers.DeclarativeContainer):
    """The parent of `core` is the host's; `settings` are an instance of `BillingSettings`."""

    core = providers.DependenciesContainer()
    settings: providers.Dependency[BillingSettings] = providers.Dependency(instance_of=BillingSettings)

    gateway: providers.Provider[PaymentGateway] = providers.ThreadSafeSingleton(gateway_for, settings)
    notices: providers.Provider[NoticeReader | None] = providers.ThreadSafeSingleton(notices_for, settings)

    clearing = providers.ThreadSafeSingleton(Clearing, core.cache, providers.Object((BALANCES,)))
    work = providers.Factory(PostgresBillingWork, context=core.context, clock=core.clock, clearing=clearing)
    """Called with the connection of a transaction."""
    invoice_reader = providers.ThreadSafeSingleton(PostgresInvoiceReader, database=core.database)
    transfer_reader = providers.ThreadSafeSingleton(PostgresTransferReader, database=core.database)

    invoice_row_reader = providers.ThreadSafeSingleton(PostgresInvoiceRowReader, database=core.database)
    customer_reader = providers.ThreadSafeSingleton(PostgresCustomerReader, database=core.database)
    statement_reader = providers.ThreadSafeSingleton(PostgresStatementReader, database=core.database)
    auditor = providers.ThreadSafeSingleton(PostgresAuditor, database=core.database)

    create_invoice = providers.ThreadSafeSingleton(CreateInvoiceHandler, clock=core.clock)
    open_invoice = providers.ThreadSafeSingleton(
        OpenInvoiceHandler,
        clock=core.clock,
        series=settings.provided.invoice_series,
        plan=settings.provided.retry_plan,
    )
    void_invoice = providers.ThreadSafeSingleton(VoidInvoiceHandler, clock=core.clock)
    take_notice = providers.ThreadSafeSingleton(TakeNoticeHandler, look_after=settings.provided.reconcile_delay)
    request_payment = providers.ThreadSafeSingleton(
        RequestPaymentHandler, clock=core.clock, method_needed=settings.provided.method_needed
    )
    write_off_invoice = providers.ThreadSafeSingleton(WriteOffInvoiceHandler, clock=core.clock)
    credit_invoice = providers.ThreadSafeSingleton(
        CreditInvoiceHandler, clock=core.clock, series=settings.provided.credit_note_series
    )
    request_refund = providers.ThreadSafeSingleton(RequestRefundHandler, clock=core.clock)

    get_invoice = providers.ThreadSafeSingleton(GetInvoiceHandler, invoices=invoice_reader)
    list_invoices = providers.ThreadSafeSingleton(ListInvoicesHandler, invoices=invoice_reader)
    export_invoices = providers.ThreadSafeSingleton(ExportInvoicesHandler, invoices=invoice_row_reader)
    get_document = providers.ThreadSafeSingleton(
        GetDocumentHandler,
        invoices=invoice_reader,
        customers=customer_reader,
        seller=settings.provided.seller_lines,
    )
    list_statement = providers.ThreadSafeSingleton(ListStatementHandler, statements=statement_reader)
    customer_balance = providers.ThreadSafeSingleton(
        CustomerBalanceHandler, statements=statement_reader, cache=core.cache
    )
    verify_ledger = providers.ThreadSafeSingleton(VerifyLedgerHandler, auditor=auditor)

    void_unpaid_invoices = providers.ThreadSafeSingleton(VoidUnpaidInvoicesHandler, clock=core.clock)
    mark_overdue = providers.ThreadSafeSingleton(MarkOverdueHandler, clock=core.clock)
    collect_payments = providers.ThreadSafeSingleton(
        CollectPaymentsHandler,
        clock=core.clock,
        plan=settings.provided.retry_plan,
        method_needed=settings.provided.method_needed,
    )
    charge_payment = providers.ThreadSafeSingleton(
        ChargePaymentHandler,
        transfers=transfer_reader,
        gateway=gateway,
        clock=core.clock,
        reconcile_delay=settings.provided.reconcile_delay,
    )
    reconcile_payment = providers.ThreadSafeSingleton(
        ReconcilePaymentHandler, transfers=transfer_reader, gateway=gateway, clock=core.clock
    )
    refund_payment = providers.ThreadSafeSingleton(
        RefundPaymentHandler,
        transfers=transfer_reader,
        gateway=gateway,
        clock=core.clock,
        series=settings.provided.credit_note_series,
        reconcile_delay=settings.provided.reconcile_delay,
    )
    reconcile_refund = providers.ThreadSafeSingleton(
        ReconcileRefundHandler,
        transfers=transfer_reader,
        gateway=gateway,
        clock=core.clock,
        series=settings.provided.credit_note_series,
    )
    look_at_payment = providers.ThreadSafeSingleton(
        LookAtPaymentHandler, transfers=transfer_reader, gateway=gateway, clock=core.clock
    )
    look_at_refund = providers.ThreadSafeSingleton(
        LookAtRefundHandler,
        transfers=transfer_reader,
        gateway=gateway,
        clock=core.clock,
        series=settings.provided.credit_note_series,
    )
