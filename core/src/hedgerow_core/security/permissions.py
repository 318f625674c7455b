"""Permissions are declared by contexts and granted to roles; a higher role may all that a lower one may."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from hedgerow_core.domain import AuthorizationError, UnavailableError
from hedgerow_core.security.principal import Principal, PrincipalKind
from hedgerow_core.security.scopes import scopes_of_contexts

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
    """Which role has which permission. Made at start from what the contexts declare; anew if one of them is out."""

    def __init__(self, permissions: Iterable[Permission], contexts: Iterable[str] = ()) -> None:
        """`contexts` are the hosted ones, each of which has two scopes besides its permissions."""
        self.declare(permissions, contexts)

    def declare(
        self, permissions: Iterable[Permission], contexts: Iterable[str], *, unheard: Iterable[str] = ()
    ) -> None:
        """Hold these permissions and no others. `unheard` are contexts elsewhere that have not said theirs yet."""
        self._unheard = tuple(unheard)
        self._declared = {permission.name: permission for permission in permissions}
        self._scopes_of_contexts = scopes_of_contexts(contexts)
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

    def is_administrative(self, name: str) -> bool:
        """Whether not everybody with an account has it. So is what nobody declares."""
        return name not in self._of_role[ROLE_HIERARCHY[0]]

    def permits(self, principal: Principal, name: str) -> bool:
        """Whether the principal may do what the permission names.

        A login: one of its roles has the permission. A key: besides, its scopes name it. A service: its scopes do.
        Unknown roles have nothing.
        """
        if principal.scopes is not None and name not in principal.scopes:
            return False
        return principal.kind is PrincipalKind.SERVICE or self._has(principal.roles, name)

    def demand(self, principal: Principal, name: str) -> None:
        """Let the principal pass.

        Raises:
            AuthorizationError: it lacks the permission, or `scope_missing`: the key lacks the scope.
        """
        if self.permits(principal, name):
            return
        if principal.kind is PrincipalKind.SERVICE or self._has(principal.roles, name):
            raise scope_missing(name)
        raise AuthorizationError(f"This needs the permission {name}.", details={"permission": name})

    def unknown(self, scopes: Iterable[str]) -> list[str]:
        """Those that mean nothing here.

        Raises:
            UnavailableError: `permissions_unknown`, one may mean something to a context that was not heard yet.
        """
        unknown = sorted(set(scopes) - self._declared.keys() - self._scopes_of_contexts)
        for context in self._unheard:
            if any(scope.startswith(f"{context}:") for scope in unknown):
                raise UnavailableError(
                    f"{context} lives on another host, which has not said yet what it permits. Try again shortly.",
                    code="permissions_unknown",
                    retry_after=timedelta(seconds=1),
                )
        return unknown

    def beyond(self, roles: Iterable[str], scopes: Iterable[str]) -> list[str]:
        """Those that name a permission which none of the roles has."""
        held = frozenset(roles)
        return sorted(scope for scope in set(scopes) & self._declared.keys() if not self._has(held, scope))

    def _has(self, roles: Iterable[str], name: str) -> bool:
        return any(name in self._of_role.get(role, ()) for role in roles)


def scope_missing(scope: str) -> AuthorizationError:
    """For a key that was not made for this."""
    return AuthorizationError(
        f"This key lacks the scope {scope}. Use a key that has it.", code="scope_missing", details={"scope": scope}
    )
