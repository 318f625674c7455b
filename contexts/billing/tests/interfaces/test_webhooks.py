"""What Stripe tells us: signed or refused, recorded once, and never believed before Stripe was asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from contexts.billing.tests.conftest import OpenOne, Rows, WorkOff
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.gateway import PaymentGateway
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.infrastructure.gateways.choice import gateway_for
from hedgerow_billing.interfaces.webhooks import MAX_BYTES
from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application import Bus, RowScope
from hedgerow_core.domain import new_id
from tests.faults.laboratory.gateway_books import KEY
from tests.faults.laboratory.lying_gateway import API_KEY, METHOD, WEBHOOK_SECRET, LyingGateway, signature_of

NO_CONTENT = httpx.codes.NO_CONTENT
Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def stripe() -> Iterator[LyingGateway]:
    with LyingGateway(silence_s=0.6) as server:
        yield server


@pytest.fixture
def settings(stripe: LyingGateway) -> BillingSettings:
    return BillingSettings(
        gateway=Gateway.STRIPE,
        stripe_api_key=SecretStr(API_KEY),
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
        stripe_payment_method=METHOD,
        stripe_api_base=stripe.url,
        stripe_timeout_s=0.3,
        reconcile_delay_s=0,
    )


@pytest.fixture
async def gateway(settings: BillingSettings) -> AsyncIterator[PaymentGateway]:
    gateway = gateway_for(settings)
    yield gateway
    await gateway.close()


@pytest.fixture
def send(http: httpx.AsyncClient) -> Send:
    """Sends a body as Stripe does, signed unless told."""

    async def send(body: bytes, *, signature: str | None = None, twice: bool = False) -> httpx.Response:
        signed = signature_of(body) if signature is None else signature
        fields = [(b"stripe-signature", signed.encode("latin-1"))] * (2 if twice else 1)
        return await http.post("/webhooks/stripe", content=body, headers=fields if signed else [])

    return send


@pytest.fixture
def pending(bus: Bus, customer: UUID, open_one: OpenOne) -> Callable[[], Awaitable[InvoiceView]]:
    """An invoice whose payment is requested, and not charged yet."""

    async def pending() -> InvoiceView:
        invoice = await open_one()
        return await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))

    return pending


Pending = Callable[[], Awaitable[InvoiceView]]


def a_notice(
    key: str, *, kind: str = "payment_intent.succeeded", id: str = "evt_1", status: str = "succeeded"
) -> bytes:
    about = {"id": "pi_1", "object": "payment_intent", "status": status, "metadata": {KEY: key}}
    return json.dumps({"id": id, "object": "event", "type": kind, "data": {"object": about}}).encode()


def key_of(invoice: InvoiceView) -> str:
    return f"hedgerow-payment-{invoice.payments[0].id}"


@pytest.fixture
def looks(rows: Rows) -> Callable[[], Awaitable[list[str]]]:
    """The payments that somebody shall look at."""

    async def looks() -> list[str]:
        found = await rows(
            "SELECT payload ->> 'payment_id' AS id FROM deliveries WHERE type = 'billing.look_at_payment'"
        )
        return [row.id for row in found]

    return looks


Looks = Callable[[], Awaitable[list[str]]]


async def status_of(bus: Bus, customer: UUID, invoice: InvoiceView) -> tuple[str, str]:
    now = await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))
    return str(now.status), str(now.payments[0].status)


# What is refused


async def test_a_refusal_does_not_say_what_was_wrong(send: Send, looks: Looks) -> None:
    body = a_notice(f"hedgerow-payment-{new_id()}")
    answers = [
        await send(body, signature=signature)
        for signature in (
            "",
            "nonsense",
            "t=1",
            "t=x,v1=y",
            f"t={int(time.time())},v1=\u00fc",
            signature_of(body, secret="whsec_of_somebody_else"),
            signature_of(body, at=time.time() - 301),
            signature_of(body).replace("v1=", "v0="),
            signature_of(body + b" "),
        )
    ]
    answers += [await send(body, twice=True)]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "billing.notice_refused")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert await looks() == []
    assert (await send(body)).status_code == NO_CONTENT


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
async def test_what_is_signed_and_unreadable_is_refused(send: Send, body: bytes) -> None:
    assert (await send(body)).json()["code"] == "billing.notice_refused"


async def test_while_a_secret_is_replaced_one_of_two_signatures_is_enough(send: Send) -> None:
    body = a_notice(f"hedgerow-payment-{new_id()}")
    new = signature_of(body, secret="whsec_of_tomorrow").partition(",")[2]
    assert (await send(body, signature=f"{signature_of(body)},{new}")).status_code == NO_CONTENT


async def test_a_notice_is_not_too_large(send: Send, http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BYTES // 1024 + 1):
            yield b" " * 1024

    declared = await send(b" " * (MAX_BYTES + 1))
    undeclared = await http.post("/webhooks/stripe", content=chunks(), headers={"stripe-signature": "any"})
    assert {declared.status_code, undeclared.status_code} == {413}


# What is left alone


@pytest.mark.parametrize(
    "body",
    [
        a_notice(f"hedgerow-payment-{new_id()}", kind="payment_intent.created"),
        a_notice(f"hedgerow-payment-{new_id()}", kind="customer.created"),
        a_notice("somebody-elses-key"),
        a_notice("hedgerow-payment-none"),
        a_notice(f"hedgerow-refund-{new_id()}", kind="refund.created"),
        a_notice(f"hedgerow-payment-{new_id()}", id=""),
        a_notice(f"hedgerow-payment-{new_id()}", id="x" * 256),
        a_notice(f"hedgerow-payment-{new_id()}", id="a\u0000b"),
        b"[]",
        b"{}",
        b'{"type": ["payment_intent.succeeded"]}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": []}}',
        b'{"id": "evt_1", "type": "refund.updated", "data": {"object": {"metadata": {"hedgerow_key": 1}}}}',
    ],
)
async def test_what_does_not_concern_us_is_taken_and_forgotten(send: Send, looks: Looks, body: bytes) -> None:
    answer = await send(body)
    assert (answer.status_code, answer.content) == (NO_CONTENT, b"")
    assert await looks() == []


async def test_a_payment_of_another_host_at_the_same_account_is_left_to_it(
    send: Send, work_off: WorkOff, stripe: LyingGateway, rows: Rows
) -> None:
    await send(a_notice(f"hedgerow-payment-{new_id()}"))
    await work_off()
    assert {row.state for row in await rows("SELECT state FROM deliveries")} == {"completed"}
    assert stripe.asked == []


# What is done


async def test_a_notice_that_comes_again_is_recorded_once(send: Send, pending: Pending, looks: Looks) -> None:
    invoice = await pending()
    body = a_notice(key_of(invoice))
    answers = await asyncio.gather(*(send(body) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {NO_CONTENT}
    await send(a_notice(key_of(invoice), id="evt_2"))
    assert await looks() == [str(invoice.payments[0].id)] * 2


async def test_a_notice_settles_what_the_gateway_decided_later(
    send: Send, pending: Pending, work_off: WorkOff, stripe: LyingGateway, bus: Bus, customer: UUID
) -> None:
    stripe.next("becomes:processing")
    invoice = await pending()
    await work_off()
    assert await status_of(bus, customer, invoice) == ("open", "unknown")

    (intent,) = stripe.books.intents()
    stripe.books.become(intent["id"], "succeeded")
    await send(stripe.notice("payment_intent.succeeded", intent))
    await work_off()
    assert await status_of(bus, customer, invoice) == ("paid", "succeeded")


async def test_what_a_notice_says_is_not_believed(
    send: Send, pending: Pending, work_off: WorkOff, stripe: LyingGateway, bus: Bus, customer: UUID, rows: Rows
) -> None:
    invoice = await pending()
    failed = a_notice(key_of(invoice), kind="payment_intent.payment_failed", status="canceled")
    await send(failed)  # before the charge
    await work_off()
    await send(a_notice(key_of(invoice), kind="payment_intent.canceled", id="evt_2", status="canceled"))
    await work_off()

    assert await status_of(bus, customer, invoice) == ("paid", "succeeded")
    assert len(stripe.books.charges()) == 1
    assert len(await rows("SELECT 1 FROM outbox WHERE type = 'billing.invoice_paid'")) == 1


async def test_a_notice_of_a_charge_that_nobody_made_charges_nobody(
    send: Send, pending: Pending, container: Any, stripe: LyingGateway, rows: Rows
) -> None:
    from hedgerow_billing.application.gateway import GatewayUnavailableError
    from hedgerow_billing.application.tasks.look_at_payment import LookAtPayment

    invoice = await pending()
    with pytest.raises(GatewayUnavailableError):  # the ledger asks again later
        await container.look_at_payment().call(LookAtPayment(payment_id=invoice.payments[0].id))
    assert stripe.books.intents() == []


async def test_answer_and_notices_in_any_order_make_one_paid_invoice(
    send: Send, pending: Pending, work_off: WorkOff, stripe: LyingGateway, bus: Bus, customer: UUID, rows: Rows
) -> None:
    for lost in ("honest", "silent_after", "fails_after"):
        stripe.next(lost)
        invoice = await pending()
        early = send(a_notice(key_of(invoice), id=f"evt_early_{lost}"))
        await asyncio.gather(work_off(), early)
        for late in range(2):
            await send(a_notice(key_of(invoice), id=f"evt_late_{lost}_{late}"))
        await work_off()
        assert await status_of(bus, customer, invoice) == ("paid", "succeeded"), lost
    assert len(stripe.books.charges()) == 3
    assert len(await rows("SELECT 1 FROM outbox WHERE type = 'billing.invoice_paid'")) == 3


@pytest.mark.parametrize("settings", [BillingSettings(gateway=Gateway.SANDBOX)])
async def test_who_charges_in_the_sandbox_has_no_such_door(http: httpx.AsyncClient) -> None:
    assert (await http.post("/webhooks/stripe", content=b"{}")).status_code == 404


async def test_a_refund_of_which_two_notices_come_before_the_answer_is_given_back_once(
    bus: Bus, customer: UUID, send: Send, pending: Pending, work_off: WorkOff, rows: Rows
) -> None:
    invoice = await pending()
    await work_off()
    asked = await bus.execute(RequestRefund(invoice_id=invoice.id, amount=None, reason="It came back"))
    for id in ("evt_2", "evt_2", "evt_3"):
        answer = await send(a_notice(f"hedgerow-refund-{asked.refunds[0].id}", kind="refund.updated", id=id))
        assert answer.status_code == NO_CONTENT
    await work_off()

    looked = await rows("SELECT state FROM deliveries WHERE type = 'billing.look_at_refund'")
    assert [row.state for row in looked] == ["completed", "completed"]
    now = await bus.ask(GetInvoice(rows=RowScope(customer), invoice_id=invoice.id))
    assert [str(refund.status) for refund in now.refunds] == ["succeeded"]
    assert [note.amount for note in now.credit_notes] == [invoice.total]
