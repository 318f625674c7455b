"""Who is asking, and what they may do. Knows tokens and permissions, not HTTP."""

from hedgerow_core.security.keys import KeyAuthority, KeyFinder
from hedgerow_core.security.permissions import ROLE_HIERARCHY, Permission, PermissionTable
from hedgerow_core.security.principal import Principal, PrincipalKind
from hedgerow_core.security.scopes import scope_of_route
from hedgerow_core.security.tokens import (
    ACCESS_TOKEN_REFUSED,
    Claims,
    KeySource,
    Resolve,
    RevocationCheck,
    TokenIssuer,
    TokenVerifier,
)

__all__ = [
    "ACCESS_TOKEN_REFUSED",
    "ROLE_HIERARCHY",
    "Claims",
    "KeyAuthority",
    "KeyFinder",
    "KeySource",
    "Permission",
    "PermissionTable",
    "Principal",
    "PrincipalKind",
    "Resolve",
    "RevocationCheck",
    "TokenIssuer",
    "TokenVerifier",
    "scope_of_route",
]
