"""Who is asking, and what they may do. Knows tokens and permissions, not HTTP."""

from hedgerow_core.security.claims import Claims
from hedgerow_core.security.keys import KeyAuthority, KeyFinder, KeyRecall
from hedgerow_core.security.permissions import ROLE_HIERARCHY, Permission, PermissionTable
from hedgerow_core.security.principal import Principal, PrincipalKind
from hedgerow_core.security.revocations import (
    BELIEVED_FOR_S,
    EVERYBODY,
    NEVER_READ,
    IdentityUnknown,
    RevocationReader,
    Revocations,
)
from hedgerow_core.security.scopes import scope_of_route
from hedgerow_core.security.tokens import (
    ACCESS_TOKEN_REFUSED,
    Confirm,
    KeyListing,
    KeySource,
    Resolve,
    RevocationCheck,
    TokenIssuer,
    TokenVerifier,
)

__all__ = [
    "ACCESS_TOKEN_REFUSED",
    "BELIEVED_FOR_S",
    "EVERYBODY",
    "NEVER_READ",
    "ROLE_HIERARCHY",
    "Claims",
    "Confirm",
    "IdentityUnknown",
    "KeyAuthority",
    "KeyFinder",
    "KeyListing",
    "KeyRecall",
    "KeySource",
    "Permission",
    "PermissionTable",
    "Principal",
    "PrincipalKind",
    "Resolve",
    "RevocationCheck",
    "RevocationReader",
    "Revocations",
    "TokenIssuer",
    "TokenVerifier",
    "scope_of_route",
]
