"""The one who acts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class PrincipalKind(StrEnum):
    """What acts: somebody with an account, or a program that has none."""

    USER = "user"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller: who it is, through which session, with which roles.

    `scopes` is what an API key was made for; None is a login, which may all that the roles permit. A service has no
    roles: it may exactly what its scopes name.
    """

    subject: UUID
    session: UUID | None
    roles: frozenset[str]
    scopes: frozenset[str] | None = None
    kind: PrincipalKind = PrincipalKind.USER

    def __post_init__(self) -> None:
        if self.kind is PrincipalKind.SERVICE and self.scopes is None:
            raise ValueError("a service without scopes could be taken for somebody who has logged in: name them")

    @property
    def has_logged_in(self) -> bool:
        """Whether a person has proved who they are, and no key that somebody has made."""
        return self.scopes is None
