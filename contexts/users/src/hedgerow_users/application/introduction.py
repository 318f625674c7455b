"""How an identity provider introduces somebody: what we believe of it, and what we leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hedgerow_users.domain.account_errors import InvalidEmail, InvalidName
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import MAX_LENGTH, Name

_LAST_MOMENT_S = 253_402_300_799
"""The end of the year 9999, and of the calendar."""
_LAST_SECONDS = 100_000_000_000
"""In the year 5138. A number beyond it counts milliseconds: so many are over since 1973."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """Somebody, by the claims of a token or the data of a webhook."""

    provider: str
    subject: str
    email: Email | None
    """None unless the provider says that it is verified."""
    name: Name | None
    as_of: datetime | None
    """How old this is, by the provider's clock; None if it doesn't say."""

    @classmethod
    def read(cls, provider: str, subject: str, told: Mapping[str, Any]) -> Introduction:
        """Out of the standard claims of OpenID Connect (Core §5.1). What can't be read counts as not said."""
        return cls(
            provider=provider,
            subject=subject,
            email=_email_in(told),
            name=_name_in(told),
            as_of=moment_in(told.get("updated_at")),
        )

    @property
    def called(self) -> Name:
        """The name, or else what stands before the @ of the address."""
        local = self.email.address.partition("@")[0] if self.email else self.provider
        return self.name or Name(local)


def _email_in(told: Mapping[str, Any]) -> Email | None:
    email = told.get("email")
    if told.get("email_verified") is not True or not isinstance(email, str):
        return None  # "true", as some write it, is not true: nobody may come in by a provider's slip
    try:
        return Email.written(email)
    except InvalidEmail:
        return None


def _name_in(told: Mapping[str, Any]) -> Name | None:
    for claim in ("name", "preferred_username"):
        written = told.get(claim)
        try:
            if isinstance(written, str) and len(written) <= MAX_LENGTH:
                return Name.written(written)
        except InvalidName:
            continue
    return None


def moment_in(told: object) -> datetime | None:
    """A moment as providers write it: seconds or milliseconds since 1970, or RFC 3339; None if it is none."""
    if isinstance(told, str):
        return _written_moment_in(told)
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= _LAST_MOMENT_S * 1000:
        return None
    return datetime.fromtimestamp(told / 1000 if told > _LAST_SECONDS else told, UTC)


def _written_moment_in(told: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(told)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
