"""Invoices as a table for other programs: CSV (RFC 4180) in UTF-8, streamed.

The export is read in stretches of 500 rows, each by a short statement of its own. While somebody reads slowly,
it so holds neither a connection nor a transaction: one long cursor would hold both, and a snapshot that keeps
PostgreSQL from cleaning up. The price: each row is as of the moment when its stretch was read.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from hedgerow_billing.application.document_ports import InvoiceRow
from hedgerow_billing.application.queries.export_invoices import ExportInvoices
from hedgerow_billing.application.queries.list_invoices import NEWEST_FIRST
from hedgerow_billing.interfaces.amounts import decimal_text
from hedgerow_billing.interfaces.http import INVOICES, READ_ANY
from hedgerow_core.application import Bus, Filters, Page
from hedgerow_core.domain import ValidationError
from hedgerow_core.http import ContextRouter, Rows, SortOrder, permitted, throttled

EXPORT_WITHIN = timedelta(minutes=15)
"""Beyond it the answer is broken off: who was let in once must not be told for ever. 200,000 rows took 16 s."""
EXPORTS_PER_MINUTE = 10
"""One request of this kind may read all rows there are."""
COLUMNS = (
    "id",
    "number",
    "status",
    "customer_id",
    "customer_name",
    "currency",
    "net",
    "tax",
    "total",
    "credited",
    "due",
    "paid",
    "refunded",
    "created_at",
    "opened_at",
    "due_on",
    "overdue_at",
    "paid_at",
    "voided_at",
    "uncollectible_at",
)
_AMOUNTS = frozenset({"net", "tax", "total", "credited", "due", "paid", "refunded"})
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - spreadsheets take the wide ones for the same
"""How a cell begins that a spreadsheet works out instead of showing it (OWASP, CSV injection)."""
CSV = "text/csv; charset=utf-8"


class ExportTookTooLong(Exception):
    """Breaks the answer off."""


class ExportNeedsHttp11(ValidationError):
    """Over HTTP/1.0 nobody can tell a complete export from one that broke off.

    Fix: ask with HTTP/1.1; behind nginx, `proxy_http_version 1.1`.
    """

    code = "billing.export_needs_http_1_1"

    def __init__(self) -> None:
        super().__init__(
            "Over HTTP/1.0 nobody can tell a complete export from one that broke off. Ask with HTTP/1.1; behind "
            "nginx, say proxy_http_version 1.1."
        )


async def _filters(request: Request) -> Filters:
    """The list's filters. An export has no pages: what asks for one is refused, not ignored."""
    for name in ("limit", "cursor"):
        if name in request.query_params:
            raise ValidationError(
                f"{name} is no parameter of an export, which has all rows. Leave it out.",
                field=name,
                code="invalid_filter",
            )
    return await INVOICES.read(request)


def _demand_an_end(request: Request) -> None:
    """An answer of HTTP/1.0 ends with the connection, also where it broke off: it would pass for complete.

    Raises:
        ExportNeedsHttp11: the request came so.
    """
    if request.scope["http_version"] == "1.0":
        raise ExportNeedsHttp11


def exports_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries the messages of billing."""
    router = ContextRouter("billing")

    @router.get(
        "/invoices.csv",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
        openapi_extra=INVOICES.openapi(),
    )
    @permitted("billing:invoice:read", all_rows=READ_ANY)
    @throttled("export", per_minute=EXPORTS_PER_MINUTE)
    async def export_invoices(
        request: Request,
        rows: Rows,
        filters: Annotated[Filters, Depends(_filters)],
        sort: SortOrder = NEWEST_FIRST,
    ) -> StreamingResponse:
        """Export your invoices as CSV, or everybody's if you look after all: filtered and sorted like the list."""
        _demand_an_end(request)
        query = ExportInvoices(rows=rows, filters=filters, sort=sort)
        first = await bus.ask(query)  # what is wrong with the question is said before the answer begins
        return StreamingResponse(
            _written(bus, query, first),
            media_type=CSV,
            headers={"Content-Disposition": 'attachment; filename="invoices.csv"'},
        )

    return router


async def _written(bus: Bus, query: ExportInvoices, page: Page[InvoiceRow]) -> AsyncIterator[bytes]:
    """The whole table. An exception breaks the answer off without its last chunk, so that clients notice."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + EXPORT_WITHIN.total_seconds()
    yield table([COLUMNS])
    while True:
        yield table(map(cells, page.items))
        if page.next is None:
            return
        if clock.time() > deadline:
            raise ExportTookTooLong
        page = await bus.ask(
            ExportInvoices(rows=query.rows, filters=query.filters, sort=query.sort, cursor=page.next)
        )


def table(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of cells as RFC 4180 wants them: CRLF behind each, quotes where they are needed."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()


def cells(row: InvoiceRow) -> Sequence[str]:
    """The cells of an invoice, in the order of `COLUMNS`. What is missing is empty."""
    return [
        decimal_text(value, row.currency) if name in _AMOUNTS else cell(value)
        for name, value in ((name, getattr(row, name)) for name in COLUMNS)
    ]


def cell(value: object) -> str:
    """A value as text. One that a spreadsheet would work out gets a `'` before it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
