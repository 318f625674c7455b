"""What its owner, or an administrator, sees of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from hedgerow_users.domain.account import Account, AccountStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account without its secrets."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    verified_at: datetime | None
    status: AccountStatus
    phone: str | None
    address: str | None
    birthday: date | None
    photo_url: str | None
    metadata: Mapping[str, object]
    version: int


def view_of(account: Account) -> AccountView:
    """The view of an account that has just been saved."""
    return AccountView(
        id=account.id,
        email=account.email.address,
        name=account.name.text,
        roles=account.roles,
        created_at=account.created_at,
        updated_at=account.updated_at,
        verified_at=account.verified_at,
        status=account.status,
        phone=account.profile.phone,
        address=account.profile.address,
        birthday=account.profile.birthday,
        photo_url=account.profile.photo_url,
        metadata=account.profile.metadata,
        version=account.version,
    )
