"""What is shown of a row is what the aggregate of that row would show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contexts.billing.tests.domain.walk import Walk
from hedgerow_billing.application.views import view_of
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.infrastructure import repositories
from hedgerow_billing.infrastructure.rows import invoice_of
from hedgerow_billing.infrastructure.shown import invoice_view_of

STEPS: list[Callable[[Walk], object]] = [
    Walk.open,
    Walk.void,
    Walk.write_off,
    Walk.request_payment,
    Walk.collect,
    Walk.payment_succeeds,
    Walk.payment_succeeds,
    Walk.payment_fails,
    Walk.payment_keeps_silent,
    lambda walk: walk.credit(100),
    lambda walk: walk.wait(20),
    lambda walk: walk.request_refund(250),
    lambda walk: walk.request_refund(None),
    lambda walk: walk.refund_succeeds(0),
    lambda walk: walk.refund_succeeds(1),
    lambda walk: walk.refund_fails(0),
    lambda walk: walk.refund_keeps_silent(0),
]


def row_of(invoice: Invoice) -> Any:
    """The row as it comes out of the database."""
    saved = repositories._row_of_draft(invoice) | {"version": invoice.version}
    return SimpleNamespace(
        **saved,
        payments=[as_jsonb(row) for row in repositories._payment_rows(invoice)],
        refunds=[as_jsonb(row) for row in repositories._refund_rows(invoice)],
        credit_notes=[as_jsonb(repositories._credit_note_row(invoice, note)) for note in invoice.credit_notes],
    )


def as_jsonb(row: Mapping[str, Any]) -> dict[str, Any]:
    def written(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        return str(value) if isinstance(value, UUID) else value

    return {name: written(value) for name, value in row.items()}


@given(
    price=st.integers(0, 10**9),
    rate=st.integers(0, 100_000),
    steps=st.lists(st.sampled_from(STEPS), max_size=12),
)
def test_a_row_shows_what_its_aggregate_would(price: int, rate: int, steps: list[Callable[[Walk], object]]) -> None:
    walk = Walk.begin(price=price, rate=rate)
    walk.try_to(walk.open)
    for step in steps:
        walk.try_to(lambda step=step: step(walk))  # type: ignore[misc]

    row = row_of(walk.invoice)

    assert invoice_view_of(row) == view_of(invoice_of(row)) == view_of(walk.invoice)


def test_a_line_from_before_there_were_taxes_has_none() -> None:
    row = row_of(Walk.begin(rate=0).invoice)
    for line in row.lines:
        del line["tax_rate"]
    row.total, row.tax = 2998, 0

    assert invoice_view_of(row) == view_of(invoice_of(row))
