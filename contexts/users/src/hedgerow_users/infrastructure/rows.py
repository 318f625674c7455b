"""How an account lies in its row, and comes out of it again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from hedgerow_users.application.account_view import AccountView
from hedgerow_users.domain.account import Account, AccountId, AccountStatus
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.profile import Profile
from hedgerow_users.infrastructure.tables import accounts

VIEWED = tuple(column for column in accounts.c if column is not accounts.c.password_hash)
"""What a view is read from: all columns but the secret one."""


def changeable_of(account: Account) -> dict[str, object]:
    """The columns that a change may change."""
    return {
        "email": account.email.address,
        "name": account.name.text,
        "password_hash": account.password_hash.reveal() if account.password_hash else None,
        "roles": list(account.roles),
        "status": account.status.value,
        "updated_at": account.updated_at,
        "verified_at": account.verified_at,
        "phone": account.profile.phone,
        "address": account.profile.address,
        "birthday": account.profile.birthday,
        "photo_url": account.profile.photo_url,
        "metadata": dict(account.profile.metadata),
    }


def account_of(row: Row[Any]) -> Account:
    """The account of a row."""
    return Account(
        AccountId(row.id),
        email=Email(row.email),
        name=Name(row.name),
        password_hash=PasswordHash(row.password_hash) if row.password_hash else None,
        roles=tuple(row.roles),
        created_at=row.created_at,
        updated_at=row.updated_at,
        verified_at=row.verified_at,
        status=AccountStatus(row.status),
        profile=Profile(
            phone=row.phone,
            address=row.address,
            birthday=row.birthday,
            photo_url=row.photo_url,
            metadata=row.metadata,
        ),
        version=row.version,
    )


def account_view_of(row: Row[Any]) -> AccountView:
    """The view of a row that has the columns `VIEWED`."""
    return AccountView(
        id=row.id,
        email=row.email,
        name=row.name,
        roles=tuple(row.roles),
        created_at=row.created_at,
        updated_at=row.updated_at,
        verified_at=row.verified_at,
        status=AccountStatus(row.status),
        phone=row.phone,
        address=row.address,
        birthday=row.birthday,
        photo_url=row.photo_url,
        metadata=row.metadata,
        version=row.version,
    )
