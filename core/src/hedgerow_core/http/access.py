"""Access decisions: who may call a route. Every route states one, or the host refuses to boot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])

_ATTRIBUTE = "__hedgerow_access__"


@dataclass(frozen=True, slots=True)
class Access:
    """The decision of one route: open to all, to everybody who is known, or to holders of a permission."""

    needs_principal: bool
    permission: str | None = None
    needs_login: bool = False
    """Whether an API key is not enough."""
    all_rows: str | None = None
    """The permission that lets a caller reach everybody's rows, and not its own alone."""

    def __str__(self) -> str:
        if self.permission:
            return f"{self.permission}, {self.all_rows}" if self.all_rows else self.permission
        if self.needs_login:
            return "logged_in"
        return "authenticated" if self.needs_principal else "public"


def public(endpoint: Endpoint) -> Endpoint:
    """Anybody may call this, without a token."""
    return _decide(endpoint, Access(needs_principal=False))


def authenticated(endpoint: Endpoint) -> Endpoint:
    """Whoever is known may call this: by a login, or by a key with the scope `context:read` or `context:write`.

    Who calls may be a service, which has an id but no account.
    """
    return _decide(endpoint, Access(needs_principal=True))


def logged_in(endpoint: Endpoint) -> Endpoint:
    """Whoever has logged in may call this; a key may not. For what guards the account itself.

    A password, sessions, keys: otherwise who finds a key could make it good for ever.
    """
    return _decide(endpoint, Access(needs_principal=True, needs_login=True))


def permitted(permission: str, *, all_rows: str | None = None) -> Callable[[Endpoint], Endpoint]:
    """Only who holds the permission may call this. The context's manifest must declare it.

    Who holds `all_rows`, too, is given everybody's rows by the parameter `Rows`; anybody else its own.
    """

    def decide(endpoint: Endpoint) -> Endpoint:
        return _decide(endpoint, Access(needs_principal=True, permission=permission, all_rows=all_rows))

    return decide


def access_of(endpoint: Callable[..., object]) -> Access | None:
    """The decision that an endpoint states, if it states one."""
    decision: Access | None = getattr(endpoint, _ATTRIBUTE, None)
    return decision


def _decide(endpoint: Endpoint, access: Access) -> Endpoint:
    if access_of(endpoint) is not None:
        raise TypeError(f"{endpoint!r} states two access decisions: keep one")
    setattr(endpoint, _ATTRIBUTE, access)
    return endpoint
