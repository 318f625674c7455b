"""What customers owe, as the books say it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import event, text

from contexts.billing.tests.books import TOTAL, one_of_each, opened
from hedgerow_billing.application.book_ports import StatementLine
from hedgerow_billing.application.queries.customer_balance import CustomerBalance
from hedgerow_billing.application.queries.list_statement import ListStatement
from hedgerow_billing.application.views import MoneyView
from hedgerow_core.application import Bus
from hedgerow_core.domain import ValidationError, new_id
from hedgerow_core.persistence import Database

WorkOff = Callable[[], Awaitable[None]]


async def whole_statement(bus: Bus, customer: UUID, *, limit: int, currency: str = "EUR") -> list[StatementLine]:
    """All pages of it."""
    seen: list[StatementLine] = []
    cursor = None
    while True:
        page = await bus.ask(ListStatement(customer_id=customer, currency=currency, limit=limit, cursor=cursor))
        assert len(page.items) <= limit
        seen += page.items
        if (cursor := page.next) is None:
            return seen


async def test_a_statement_tells_every_step_and_what_is_owed_after_it(
    bus: Bus, customer: UUID, work_off: WorkOff
) -> None:
    made = await one_of_each(bus, work_off, customer)

    lines = await whole_statement(bus, customer, limit=100)

    of_refunded = [line for line in lines if line.invoice_id == made["refunded"].id]
    notes = [note.number for note in made["refunded"].credit_notes]
    number = made["refunded"].number
    assert [(str(line.kind), line.document, line.amount.amount) for line in of_refunded] == [
        ("opened", number, TOTAL),
        ("credited", notes[0], -27),
        ("paid", number, -5800),
        ("credited", notes[1], -800),
        ("refunded", number, 800),
    ]
    of_recovered = [line for line in lines if line.invoice_id == made["recovered"].id]
    assert [str(line.kind) for line in of_recovered] == ["opened", "written_off", "recovered", "paid"]
    running = 0
    for line in lines:
        running += line.amount.amount
        assert line.balance.amount == running
    assert running == TOTAL + TOTAL - 1000, "what is open, and what is left of the credited one"
    assert (await bus.ask(CustomerBalance(customer_id=customer))) == [MoneyView(amount=running, currency="EUR")]


@pytest.mark.parametrize("limit", [1, 3])
async def test_pages_of_a_statement_are_the_whole_one(
    limit: int, bus: Bus, customer: UUID, work_off: WorkOff
) -> None:
    await one_of_each(bus, work_off, customer)

    whole = await whole_statement(bus, customer, limit=100)

    assert await whole_statement(bus, customer, limit=limit) == whole
    assert len(whole) > 10


async def test_each_currency_and_each_customer_has_a_statement_of_its_own(bus: Bus, customer: UUID) -> None:
    await opened(bus, customer)
    yen = await opened(bus, customer, currency="JPY")
    await opened(bus, new_id())

    (line,) = await whole_statement(bus, customer, limit=10, currency="JPY")

    assert (line.document, line.balance) == (yen.number, MoneyView(amount=TOTAL, currency="JPY"))
    assert await bus.ask(CustomerBalance(customer_id=customer)) == [
        MoneyView(amount=TOTAL, currency="EUR"),
        MoneyView(amount=TOTAL, currency="JPY"),
    ]


async def test_who_was_never_billed_owes_nothing(bus: Bus) -> None:
    assert await bus.ask(CustomerBalance(customer_id=new_id())) == []
    assert await whole_statement(bus, new_id(), limit=10) == []


@pytest.mark.parametrize(
    ("currency", "cursor"), [("eur", None), ("XXX", None), ("EUR", "x"), ("EUR", "WyJ0b3RhbCJd")]
)
async def test_an_unknown_currency_or_cursor_is_refused(
    currency: str, cursor: str | None, bus: Bus, customer: UUID
) -> None:
    with pytest.raises(ValidationError):
        await bus.ask(ListStatement(customer_id=customer, currency=currency, limit=1, cursor=cursor))


async def test_a_page_and_a_balance_are_one_statement_each_and_come_out_of_the_index(
    bus: Bus, customer: UUID, database: Database
) -> None:
    await opened(bus, customer)
    statements: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", listen)
    await bus.ask(ListStatement(customer_id=customer, currency="EUR", limit=2))
    await bus.ask(CustomerBalance(customer_id=customer))
    assert len(statements) == 2
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT sum(amount) OVER (ORDER BY id) FROM postings "
                f"WHERE customer_id = '{customer}' AND account = 'receivable' AND currency = 'EUR'"
            )
        )
        lines = "\n".join(plan.scalars())
    assert "ix_postings_statement" in lines
    assert "Sort" not in lines
