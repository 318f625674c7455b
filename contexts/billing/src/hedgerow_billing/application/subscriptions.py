"""What billing does when something happens elsewhere. It knows other contexts by event name and fields only.

Each event has a feed of its own, so what happened to one user may be heard in another order than it happened in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from hedgerow_billing.application.ports import BillingWork, CustomerNews, Standing
from hedgerow_billing.application.tasks.void_unpaid_invoices import NEXT_LOOK, VoidUnpaidInvoices
from hedgerow_core.messaging.events import Envelope


class RegisteredUser(BaseModel):
    """What billing reads of `users.user_registered`; whatever else it carries is ignored."""

    user_id: UUID
    email: str
    name: str
    registered_at: datetime


class Change(BaseModel):
    """What a field holds from now on; null if nobody tells."""

    new: object = None


class UpdatedUser(BaseModel):
    """What billing reads of `users.user_updated`: fields by name, of which it knows `email` and `name`."""

    user_id: UUID
    changes: Mapping[str, Change]

    def told(self, field: str) -> str | None:
        """What the field holds from now on, if it is among the changes."""
        change = self.changes.get(field)
        return change.new if change is not None and isinstance(change.new, str) else None


class User(BaseModel):
    """What billing reads of events that say whom they are about, and no more."""

    user_id: UUID


async def copy_registered_user(event: RegisteredUser, envelope: Envelope, work: BillingWork) -> None:
    """Keep an own copy of the user, so that billing can name its customers while users is away."""
    await work.customers.learn(
        CustomerNews(
            id=event.user_id,
            version=_version_of(envelope),
            email=event.email,
            name=event.name,
            registered_at=event.registered_at,
        )
    )


async def copy_updated_user(event: UpdatedUser, envelope: Envelope, work: BillingWork) -> None:
    """Take over another address or name."""
    email, name = event.told("email"), event.told("name")
    if email is not None or name is not None:
        version = _version_of(envelope)
        await work.customers.learn(CustomerNews(id=event.user_id, version=version, email=email, name=name))


async def note_deactivated_user(event: User, envelope: Envelope, work: BillingWork) -> None:
    """Know that the account is closed. What is owed is owed on."""
    await _note(event, envelope, work, Standing.DEACTIVATED)


async def note_reactivated_user(event: User, envelope: Envelope, work: BillingWork) -> None:
    """Know that the account is open again."""
    await _note(event, envelope, work, Standing.ACTIVE)


async def forget_deleted_user(event: User, envelope: Envelope, work: BillingWork) -> None:
    """Forget who the customer was, and have voided what is not paid. What is paid stays, under the bare id."""
    await work.customers.forget(event.user_id, _version_of(envelope))
    void = VoidUnpaidInvoices(customer_id=event.user_id)
    await work.tasks.enqueue(void)
    await work.tasks.enqueue(void, delay=NEXT_LOOK)  # for what began before the last token was refused


async def _note(event: User, envelope: Envelope, work: BillingWork, standing: Standing) -> None:
    await work.customers.learn(CustomerNews(id=event.user_id, version=_version_of(envelope), standing=standing))


def _version_of(envelope: Envelope) -> int:
    """A publisher that numbers nothing sends its first word only."""
    return envelope.aggregate_version or 1
