"""What all yardsticks say over HTTP and write into rows, so that they differ in how they reach the database alone.

Requests and answers are held against the very models that Hedgerow's routes have, so the same bytes travel. What is
worked out, is worked out as a hand-writer would: integers in dictionaries. Where one has less to do it stays so:
refunds and credit notes are not looked for, and no tax is worked out but that of one rate.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hedgerow_billing.interfaces.schemas import NewInvoiceModel
from hedgerow_core.domain import new_id

SORT = "-created_at"


def account(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of an account."""
    return {**row, "second_factor": None}


def new_invoice(body: NewInvoiceModel, customer: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of a draft and of its event."""
    now, id = datetime.now(UTC), new_id()
    net = sum(line.quantity * line.unit_price for line in body.lines)
    lines = [
        {
            "description": line.description,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "tax_rate": int(line.tax_rate) * 1000,
        }
        for line in body.lines
    ]
    tax = (2 * net * lines[0]["tax_rate"] + 100_000) // 200_000
    invoice = {
        "id": id,
        "customer_id": customer,
        "status": "draft",
        "currency": body.currency,
        "total": net + tax,
        "tax": tax,
        "credited": 0,
        "lines": lines,
        "due_days": body.due_days,
        "automatic": body.automatic,
        "payment_method": body.payment_method,
        "collect_attempts": 0,
        "version": 1,
        "created_at": now,
    }
    event = {
        "event_id": new_id(),
        "type": "billing.invoice_created",
        "version": 1,
        "aggregate_type": "invoice",
        "aggregate_id": id,
        "aggregate_version": 1,
        "payload": {
            "invoice_id": str(id),
            "customer_id": str(customer),
            "total_amount": invoice["total"],
            "currency": body.currency,
            "created_at": now.isoformat(),
        },
        "occurred_at": now,
        "actor": str(customer),
    }
    return invoice, event


def invoice(row: Mapping[str, Any], payments: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """What is shown of an invoice."""
    currency, total, tax = row["currency"], row["total"], row["tax"]
    rate = row["lines"][0]["tax_rate"]

    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": currency}

    return {
        "id": row["id"],
        "customer_id": row["customer_id"],
        "status": row["status"],
        "number": f"{row['series']}-{row['place']:06}" if row.get("place") else None,
        "currency": currency,
        "net": money(total - tax),
        "tax": money(tax),
        "total": money(total),
        "due": money(total),
        "credited": money(row["credited"]),
        "refunded": money(0),
        "refundable": money(0),
        "lines": [
            {
                **line,
                "tax_rate": str(line["tax_rate"] // 1000),
                "amount": line["quantity"] * line["unit_price"],
            }
            for line in row["lines"]
        ],
        "taxes": [{"rate": str(rate // 1000), "net": total - tax, "amount": tax}],
        "payments": [{**payment, "amount": money(payment["amount"])} for payment in payments],
        "refunds": [],
        "credit_notes": [],
        "automatic": row["automatic"],
        "due_days": row["due_days"],
        "due_on": row.get("due_on"),
        "collect_at": row.get("collect_at"),
        "version": row["version"],
        "created_at": row["created_at"],
        "opened_at": row.get("opened_at"),
        "paid_at": row.get("paid_at"),
        "voided_at": row.get("voided_at"),
        "uncollectible_at": row.get("uncollectible_at"),
        "overdue_at": row.get("overdue_at"),
    }


def place(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """Where a page begins."""
    if cursor is None:
        return None, None
    _sort, moment, id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return datetime.fromisoformat(moment), UUID(id)


def page(shown: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page, of one row more than it shows."""
    if len(shown) <= limit:
        return {"items": shown, "next": None}
    last = shown[limit - 1]
    packed = json.dumps([SORT, last["created_at"].isoformat(), str(last["id"])], separators=(",", ":"))
    return {"items": shown[:limit], "next": base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")}
