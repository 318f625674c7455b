"""What travels over HTTP. Requests are bounded in every direction; a field that we don't know is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hedgerow_billing.application.commands.create_invoice import NewLine
from hedgerow_billing.domain.credit_note import MAX_REASON
from hedgerow_billing.domain.invoice import DUE_DAYS, MAX_DUE_DAYS, InvoiceStatus
from hedgerow_billing.domain.lines import MAX_DESCRIPTION, MAX_LINES, MAX_QUANTITY
from hedgerow_billing.domain.money import MAX_AMOUNT
from hedgerow_billing.domain.transfer import TransferStatus
from hedgerow_core.http import HttpModel

_MAX_CURRENCY = 16
"""Longer than any code, so that a wrong one is told what is right: the domain knows the codes."""
_MAX_RATE = 16
"""Longer than any rate, for the same reason."""
_MAX_METHOD = 255
_SOMETHING_VISIBLE = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""PostgreSQL holds no NUL in a text."""

MinorUnits = Annotated[int, Field(description="Whole minor units: 1999 EUR is 19.99 €.", examples=[1999])]


# No slash: before one, the gateway's name of a customer may stand, and it would be anybody's.
PaymentMethod = Annotated[
    str | None,
    Field(
        max_length=_MAX_METHOD,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="The gateway's name for how the customer pays, if not as usual.",
        examples=["pm_card_visa"],
    ),
]
Reason = Annotated[
    str,
    Field(min_length=1, max_length=MAX_REASON, pattern=_SOMETHING_VISIBLE, examples=["The hedge was cut twice"]),
]


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
    tax_rate: str = Field(
        default="0", max_length=_MAX_RATE, description="A percentage with at most three decimals.", examples=["19"]
    )

    def to_line(self) -> NewLine:
        """The line as the command takes it."""
        return NewLine(
            description=self.description,
            quantity=self.quantity,
            unit_price=self.unit_price,
            tax_rate=self.tax_rate,
        )


class NewInvoiceModel(_Request):
    """A draft to be written."""

    currency: str = Field(
        min_length=1, max_length=_MAX_CURRENCY, description="ISO 4217, in capitals.", examples=["EUR"]
    )
    lines: list[NewLineModel] = Field(min_length=1, max_length=MAX_LINES)
    due_days: int = Field(
        default=DUE_DAYS, ge=0, le=MAX_DUE_DAYS, description="How many days after it is opened it falls due."
    )
    automatic: bool = Field(default=False, description="Whether it is charged on its due date, and after it.")
    payment_method: PaymentMethod = None


class PaymentRequestModel(_Request):
    """How an invoice is paid."""

    payment_method: PaymentMethod = None


class RefundRequestModel(_Request):
    """Money to be given back."""

    amount: MinorUnits | None = Field(
        default=None,
        ge=1,
        le=MAX_AMOUNT,
        description="Minor units; all that is left of the payment if absent.",
    )
    reason: Reason


class CreditRequestModel(_Request):
    """So much less to be owed."""

    amount: MinorUnits = Field(ge=1, le=MAX_AMOUNT, description="Minor units, tax included; less than what is due.")
    reason: Reason


class _Answer(HttpModel):
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
    tax_rate: str = Field(description="A percentage.", examples=["19"])
    amount: Annotated[int, Field(description="Quantity times unit price, before tax.", examples=[3998])]


class TaxModel(_Answer):
    """The lines of one rate, and the tax on their sum, rounded half up."""

    rate: str = Field(description="A percentage.", examples=["19"])
    net: MinorUnits
    amount: MinorUnits


class PaymentModel(_Answer):
    """An attempt to pay."""

    id: UUID
    status: TransferStatus
    amount: MoneyModel
    automatic: bool = Field(description="Whether nobody asked for it but the due date.")
    requested_at: datetime
    settled_at: datetime | None
    failure: str | None = Field(description="Why it failed.", examples=["card_declined"])


class RefundModel(_Answer):
    """Money on its way back, or back."""

    id: UUID
    status: TransferStatus
    amount: MoneyModel
    reason: str
    requested_at: datetime
    settled_at: datetime | None
    failure: str | None = Field(description="Why it failed.", examples=["charge_disputed"])


class CreditNoteModel(_Answer):
    """What was taken back of an invoice."""

    id: UUID
    number: str = Field(examples=["CN-000007"])
    amount: MoneyModel
    tax: MoneyModel = Field(description="What of the amount was tax.")
    reason: str
    issued_at: datetime
    refund_id: UUID | None = Field(description="The refund that it documents.")


class InvoiceModel(_Answer):
    """An invoice with its lines and payments."""

    id: UUID
    customer_id: UUID = Field(description="Whose it is.")
    status: InvoiceStatus
    number: str | None = Field(description="Given when it is opened, without gaps.", examples=["INV-000042"])
    currency: str = Field(examples=["EUR"])
    net: MoneyModel
    tax: MoneyModel
    total: MoneyModel = Field(description="Net and tax.")
    due: MoneyModel = Field(description="What is still to be paid.")
    credited: MoneyModel = Field(description="What credit notes took back.")
    refunded: MoneyModel = Field(description="What was given back, or is on its way.")
    refundable: MoneyModel = Field(description="What may still be given back.")
    lines: Sequence[LineModel]
    taxes: Sequence[TaxModel] = Field(description="One for each rate, the lowest first.")
    payments: Sequence[PaymentModel] = Field(description="Oldest first.")
    refunds: Sequence[RefundModel] = Field(description="Oldest first.")
    credit_notes: Sequence[CreditNoteModel] = Field(description="Oldest first.")
    automatic: bool = Field(description="Whether it is charged on its due date, and after it.")
    due_days: int = Field(description="How many days after it is opened it falls due.")
    due_on: date | None = Field(description="Known once it is open.")
    collect_at: datetime | None = Field(description="When it is charged next.")
    version: int = Field(description="Grows with every change.", examples=[1])
    created_at: datetime
    opened_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None
    overdue_at: datetime | None = Field(description="When it was noticed that the due date has passed.")
