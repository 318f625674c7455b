"""Who may do what to whose account: the rules of administration, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from hedgerow_core.domain import ValueObject
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.administration_errors import NotYourself, OutranksYou, RoleTooHigh, SuperAdminImmutable
from hedgerow_users.domain.roles import RANK_OF_ADMINS, RANK_OF_SUPER_ADMINS, rank_of


class Deed(Enum):
    """What an administrator does to an account."""

    CHANGE = auto()
    DEACTIVATE = auto()
    REACTIVATE = auto()
    DELETE = auto()
    ASSIGN_ROLES = auto()
    RESET_SECOND_FACTOR = auto()
    REVOKE_KEY = auto()


@dataclass(frozen=True, slots=True)
class Operator(ValueObject):
    """Somebody who may run commands beside the database, by the name that the system knows: above all accounts."""

    name: str


ActorId = AccountId | Operator
"""Who acts: an account over HTTP, or an operator. No route leads to an operator."""


def demand_authority(actor: Account | Operator, deed: Deed, target: Account) -> None:
    """Let the actor do it to the target.

    Raises:
        NotYourself: nobody deactivates, deletes or promotes themselves this way, or revokes their own key.
        SuperAdminImmutable: nobody else touches a super_admin, another super_admin included.
        OutranksYou: admins manage users, and only a super_admin manages admins.
    """
    if isinstance(actor, Operator):
        return
    if actor.id == target.id:
        if deed is not Deed.CHANGE:
            raise NotYourself
        return
    if rank_of(target.roles) >= RANK_OF_SUPER_ADMINS:
        raise SuperAdminImmutable
    if rank_of(actor.roles) < RANK_OF_ADMINS or rank_of(actor.roles) <= rank_of(target.roles):
        raise OutranksYou


def demand_authority_to_grant(actor: Account | Operator, roles: Iterable[str]) -> None:
    """Let the actor give somebody these roles.

    Raises:
        RoleTooHigh: one is as high as the actor's own. A super_admin is made and unmade by operators.
    """
    if isinstance(actor, Operator):
        return
    if rank_of(roles) >= rank_of(actor.roles):
        raise RoleTooHigh
