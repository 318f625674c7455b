"""What a token claims: when it is good, and whom our own tokens speak for. Whoever reads a claim trusts no type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hedgerow_core.domain import AuthenticationError
from hedgerow_core.security.principal import Principal

INVALID_TOKEN = "invalid_token"  # noqa: S105 - a code
LAST_MOMENT = 2**40
"""In the year 36812; beyond it floats and databases stumble."""

Claims = Mapping[str, Any]


def principal_of(claims: Claims) -> Principal:
    """Whom our own tokens speak for.

    Raises:
        AuthenticationError: they do not say so in our words.
    """
    try:
        return Principal(
            subject=UUID(claims["sub"]),
            session=UUID(claims["sid"]) if "sid" in claims else None,
            roles=_roles(claims.get("roles", [])),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise refused() from error


def moment(claimed: Any) -> float:
    """A NumericDate (RFC 7519 §2).

    Raises:
        ValueError: it is none.
    """
    if isinstance(claimed, bool) or not isinstance(claimed, int | float) or not 0 <= claimed < LAST_MOMENT:
        raise ValueError(claimed)
    return float(claimed)


def refused() -> AuthenticationError:
    """The one answer to whatever is wrong with a token that never was good."""
    return AuthenticationError("The access token is not valid. Log in again.", code=INVALID_TOKEN)


def _roles(claimed: Any) -> frozenset[str]:
    if not isinstance(claimed, list) or not all(isinstance(role, str) for role in claimed):
        raise TypeError(claimed)
    return frozenset(claimed)
