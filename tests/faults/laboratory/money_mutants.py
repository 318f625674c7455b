"""Builds of billing that are broken on purpose; see `mutants`. Those of one process are undone by `broken`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import bindparam, text, update

from hedgerow_billing.domain import bookkeeping
from hedgerow_billing.domain.bookkeeping import Account, Posting
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.domain.money import Money
from hedgerow_billing.infrastructure import books, repositories
from hedgerow_billing.infrastructure.repositories import CHANGING, PostgresInvoices
from hedgerow_billing.infrastructure.tables import invoices

SEQUENCE = "lab_numbers"


def refunds_without_lock() -> None:
    """Who refunds looks at what is left, and saves over whatever others did meanwhile."""
    PostgresInvoices.locked = _unlocked  # type: ignore[method-assign]
    repositories._UPDATE_INVOICE = _of_any_version()


async def _unlocked(repository: PostgresInvoices, invoice_id: UUID, *, owner_id: UUID | None = None) -> Invoice:
    if owner_id is None:
        return await repository.get(invoice_id)
    return await repository.of_customer(owner_id, invoice_id)


MONEY_MUTANTS: dict[str, Callable[[], None]] = {refunds_without_lock.__name__: refunds_without_lock}


@contextmanager
def broken(mutant: str | None) -> Iterator[None]:
    """This process, broken so for a while."""
    patches: dict[str, tuple[object, str, object]] = {
        "books tax as revenue": (bookkeeping, "_earned", _all_is_revenue),
        "saves over any version": (repositories, "_UPDATE_INVOICE", _of_any_version()),
        "numbers from a sequence": (books, "_DRAW", _from_sequence()),
    }
    if mutant is None:
        yield
        return
    with mock.patch.object(*patches[mutant]):
        yield


def _all_is_revenue(amount: Money, _tax: Money, *, sign: int = 1) -> Sequence[Posting]:
    """Sums up to zero, and is wrong."""
    return [Posting(Account.REVENUE, amount * sign)]


def _of_any_version() -> Any:
    loaded = bindparam("loaded_version")
    changed = {name: bindparam(f"new_{name}") for name in CHANGING}
    return update(invoices).where(invoices.c.id == bindparam("invoice_id"), loaded > 0).values(changed)


def _from_sequence() -> Any:
    return text(f"SELECT nextval('{SEQUENCE}')::int WHERE CAST(:series AS text) <> ''")
