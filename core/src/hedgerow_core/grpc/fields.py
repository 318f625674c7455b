"""Fields of messages that mean more than their type in the .proto says."""

from __future__ import annotations

from uuid import UUID

from hedgerow_core.domain import ValidationError


def uuid_in(text: str, *, field: str) -> UUID:
    """The id that a field of a message holds.

    Raises:
        ValidationError: it holds none; `field` is its name in the .proto.
    """
    try:
        return UUID(text)
    except ValueError:
        raise ValidationError(f"{field} must be a UUID, such as an answer of ours shows it.", field=field) from None
