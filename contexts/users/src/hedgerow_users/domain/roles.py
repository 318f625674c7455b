"""Roles and their order: a higher one may all that a lower one may."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What an account may be, lowest first."""

    USER = "user"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"


_ORDER = tuple(Role)


def rank_of(roles: Iterable[str]) -> int:
    """How high the highest of the roles stands. Roles that we don't know stand below all."""
    return max((_ORDER.index(Role(role)) for role in roles if role in _ORDER), default=-1)


RANK_OF_ADMINS = rank_of([Role.ADMIN])
RANK_OF_SUPER_ADMINS = rank_of([Role.SUPER_ADMIN])
