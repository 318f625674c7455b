"""What billing does when something happens elsewhere. It knows other contexts by event name and fields only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from hedgerow_billing.application.ports import BillingWork, Customer
from hedgerow_core.messaging.events import Envelope


class RegisteredUser(BaseModel):
    """What billing reads of `users.user_registered`; whatever else it carries is ignored."""

    user_id: UUID
    email: str
    name: str
    registered_at: datetime


async def copy_registered_user(event: RegisteredUser, envelope: Envelope, work: BillingWork) -> None:
    """Keep an own copy of the user, so that billing can name its customers while users is away."""
    await work.customers.keep_latest(
        Customer(
            id=event.user_id,
            email=event.email,
            name=event.name,
            registered_at=event.registered_at,
            # A publisher that numbers nothing sends its first word only.
            version=envelope.aggregate_version or 1,
        )
    )
