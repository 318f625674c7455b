"""Permissions are declared by contexts and granted to roles; a higher role may all that a lower one may."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hedgerow_core.domain import AuthorizationError
from hedgerow_core.security.principal import Principal

ROLE_HIERARCHY = ("user", "admin", "super_admin")
"""Lowest first."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*){2}")


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that may be granted, named `context:resource:action`, and the lowest role that has it."""

    name: str
    role: str
    summary: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no permission name: write context:resource:action")
        if self.role not in ROLE_HIERARCHY:
            raise ValueError(f"{self.name} is granted to {self.role!r}: use one of {', '.join(ROLE_HIERARCHY)}")


class PermissionTable:
    """Which role has which permission. Built once at start from what the contexts declare."""

    def __init__(self, permissions: Iterable[Permission]) -> None:
        self._declared = {permission.name: permission for permission in permissions}
        self._of_role: Mapping[str, frozenset[str]] = {
            role: frozenset(
                permission.name
                for permission in self._declared.values()
                if ROLE_HIERARCHY.index(permission.role) <= rank
            )
            for rank, role in enumerate(ROLE_HIERARCHY)
        }

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def permits(self, principal: Principal, name: str) -> bool:
        """Whether one of the principal's roles has the permission. Unknown roles have none."""
        return any(name in self._of_role.get(role, ()) for role in principal.roles)

    def demand(self, principal: Principal, name: str) -> None:
        """Let the principal pass.

        Raises:
            AuthorizationError: it lacks the permission.
        """
        if not self.permits(principal, name):
            raise AuthorizationError(f"This needs the permission {name}.", details={"permission": name})
