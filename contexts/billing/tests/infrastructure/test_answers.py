"""What other contexts may ask of billing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from hedgerow_billing import plugin
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.contracts import BalanceV1, CustomerBalanceV1, OwedV1
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id


async def test_the_balance_of_a_customer_is_what_is_open_and_of_a_stranger_nothing(
    container: BillingContainer, bus: Bus, customer: UUID, open_one: Callable[..., Awaitable[InvoiceView]]
) -> None:
    (published,) = plugin.handlers(container).answers
    await open_one(total=1999)
    await open_one(total=1)

    async def asked(of: UUID) -> object:
        query = published.ask(CustomerBalanceV1(customer_id=of))
        return published.answer(await bus.ask(query))

    assert published.contract.query_name == "billing.customer_balance"
    assert await asked(customer) == BalanceV1(balances=(OwedV1(amount=2000, currency="EUR"),))
    assert await asked(new_id()) == BalanceV1(balances=())
