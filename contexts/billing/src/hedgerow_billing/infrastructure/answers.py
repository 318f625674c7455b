"""Which of our queries other contexts may ask, and what they are answered."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow_billing.application.queries.customer_balance import CustomerBalance
from hedgerow_billing.application.views import MoneyView
from hedgerow_billing.contracts import BalanceV1, CustomerBalanceV1, OwedV1
from hedgerow_core.questions import PublishedQuery


def _ask(asked: CustomerBalanceV1) -> CustomerBalance:
    return CustomerBalance(customer_id=asked.customer_id)


def _answer(balances: Sequence[MoneyView]) -> BalanceV1:
    return BalanceV1(balances=tuple(OwedV1(amount=each.amount, currency=each.currency) for each in balances))


ANSWERS = (PublishedQuery(contract=CustomerBalanceV1, query=CustomerBalance, ask=_ask, answer=_answer),)
