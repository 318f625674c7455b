"""What an owner, an administrator or an operator sees of a key. Only who makes one sees the key itself, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_core.domain import Secret
from hedgerow_users.domain.api_key import ApiKey
from hedgerow_users.domain.api_key_text import PREFIX, KeyText


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyView:
    """A key without its secret. `prefix` is how it begins, and what it is recognised by."""

    id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    rotated_from: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key that has just been made."""

    view: ApiKeyView
    key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKeyView:
    """A live service and one of its live keys; None if it has none any more."""

    service: str
    created_at: datetime
    key: ApiKeyView | None


def shown_prefix(public_id: str) -> str:
    """How a key begins."""
    return PREFIX + public_id


def made(text: KeyText, key: ApiKey) -> NewApiKey:
    """What its maker gets."""
    return NewApiKey(view=view_of_key(key), key=text.secret)


def view_of_key(key: ApiKey) -> ApiKeyView:
    """The view of a key that has just been saved."""
    return ApiKeyView(
        id=key.id,
        name=key.name.text,
        prefix=shown_prefix(key.public_id),
        scopes=tuple(sorted(key.scopes)),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        rotated_from=key.rotated_from,
    )
