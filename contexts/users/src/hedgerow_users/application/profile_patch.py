"""A partial change of name and profile: what is absent stays, None clears."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypedDict

from hedgerow_users.domain.account import Account
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.profile import Profile


class ProfilePatch(TypedDict, total=False):
    """The fields that somebody wants changed."""

    name: str
    phone: str | None
    address: str | None
    birthday: date | None
    photo_url: str | None
    metadata: Mapping[str, object] | None


def patched(account: Account, patch: ProfilePatch, *, at: datetime) -> bool:
    """Change what the patch names. Whether anything is different now.

    Raises:
        InvalidName, UnsuitableProfile: a value breaks its rule.
        AccountDeleted: nothing is left to be described.
    """
    name = Name.written(patch["name"]) if "name" in patch else account.name
    profile = Profile(
        phone=_stripped(patch["phone"]) if "phone" in patch else account.profile.phone,
        address=_stripped(patch["address"]) if "address" in patch else account.profile.address,
        birthday=patch.get("birthday", account.profile.birthday),
        photo_url=patch.get("photo_url", account.profile.photo_url),
        metadata=patch.get("metadata", account.profile.metadata) or {},
    )
    return account.describe(name, profile, at=at)


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()
