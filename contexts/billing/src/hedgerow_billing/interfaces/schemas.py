"""What travels over HTTP. Requests are bounded in every direction; a field that we don't know is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hedgerow_billing.application.commands.create_invoice import NewLine
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.domain.lines import MAX_DESCRIPTION, MAX_LINES, MAX_QUANTITY
from hedgerow_billing.domain.money import MAX_AMOUNT
from hedgerow_billing.domain.payment import PaymentStatus

_MAX_CURRENCY = 16
"""Longer than any code, so that a wrong one is told what is right: the domain knows the codes."""
_SOMETHING_VISIBLE = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""PostgreSQL holds no NUL in a text."""

MinorUnits = Annotated[int, Field(description="Whole minor units: 1999 EUR is 19.99 €.", examples=[1999])]


class _Request(BaseModel):
    # Strict: no "2", no 2.0 and no true where a number is due.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewLineModel(_Request):
    """A line to be billed."""

    description: str = Field(
        min_length=1, max_length=MAX_DESCRIPTION, pattern=_SOMETHING_VISIBLE, examples=["Hedge trimming"]
    )
    quantity: int = Field(ge=1, le=MAX_QUANTITY, examples=[2])
    unit_price: MinorUnits = Field(ge=0, le=MAX_AMOUNT)

    def to_line(self) -> NewLine:
        """The line as the command takes it."""
        return NewLine(description=self.description, quantity=self.quantity, unit_price=self.unit_price)


class NewInvoiceModel(_Request):
    """A draft to be written."""

    currency: str = Field(
        min_length=1, max_length=_MAX_CURRENCY, description="ISO 4217, in capitals.", examples=["EUR"]
    )
    lines: list[NewLineModel] = Field(min_length=1, max_length=MAX_LINES)


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class MoneyModel(_Answer):
    """An amount of money."""

    amount: MinorUnits
    currency: str = Field(examples=["EUR"])


class LineModel(_Answer):
    """A line of an invoice, in the invoice's currency."""

    description: str = Field(examples=["Hedge trimming"])
    quantity: int = Field(examples=[2])
    unit_price: MinorUnits
    amount: Annotated[int, Field(description="Quantity times unit price.", examples=[3998])]


class PaymentModel(_Answer):
    """An attempt to pay."""

    id: UUID
    status: PaymentStatus
    amount: MoneyModel
    requested_at: datetime
    settled_at: datetime | None
    failure: str | None = Field(description="Why it failed.", examples=["card_declined"])


class InvoiceModel(_Answer):
    """An invoice with its lines and payments."""

    id: UUID
    customer_id: UUID = Field(description="Whose it is.")
    status: InvoiceStatus
    total: MoneyModel
    currency: str = Field(examples=["EUR"])
    lines: Sequence[LineModel]
    payments: Sequence[PaymentModel] = Field(description="Oldest first.")
    version: int = Field(description="Grows with every change.", examples=[1])
    created_at: datetime
    opened_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
