"""Who may do what to whose account, as a table."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from hedgerow_core.domain import DomainError
from hedgerow_core.security import ROLE_HIERARCHY
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.administration_errors import NotYourself, OutranksYou, RoleTooHigh, SuperAdminImmutable
from hedgerow_users.domain.authority import Deed, demand_authority, demand_authority_to_grant
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.roles import Role, rank_of

USER, ADMIN, SUPER = Role.USER, Role.ADMIN, Role.SUPER_ADMIN
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

MAY: dict[tuple[Role, Role], type[DomainError] | None] = {
    (USER, USER): OutranksYou,
    (USER, ADMIN): OutranksYou,
    (USER, SUPER): SuperAdminImmutable,
    (ADMIN, USER): None,
    (ADMIN, ADMIN): OutranksYou,
    (ADMIN, SUPER): SuperAdminImmutable,
    (SUPER, USER): None,
    (SUPER, ADMIN): None,
    (SUPER, SUPER): SuperAdminImmutable,
}
"""What an actor of one role meets who does anything to another account of some role."""

MAY_GRANT = {(ADMIN, USER), (SUPER, USER), (SUPER, ADMIN)}


def account(*roles: str) -> Account:
    return Account.register(
        email=Email("ada@example.org"), name=Name("Ada"), password_hash=None, roles=tuple(roles), at=NOW
    )


def refusal(actor: Account, deed: Deed, target: Account) -> type[Exception] | None:
    try:
        demand_authority(actor, deed, target)
    except DomainError as error:
        return type(error)
    return None


def test_the_table_is_complete() -> None:
    assert set(MAY) == set(product(Role, Role))


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize(("actor", "target"), MAY)
def test_what_a_role_may_do_to_another(actor: Role, target: Role, deed: Deed) -> None:
    assert refusal(account(actor), deed, account(target)) is MAY[actor, target]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("deed", Deed)
def test_to_themselves_everybody_does_nothing_but_change_their_profile(role: Role, deed: Deed) -> None:
    own = account(role)
    assert refusal(own, deed, own) is (None if deed is Deed.CHANGE else NotYourself)


@pytest.mark.parametrize(("actor", "granted"), list(product(Role, Role)))
def test_a_role_is_given_by_a_higher_one_only(actor: Role, granted: Role) -> None:
    if (actor, granted) in MAY_GRANT:
        demand_authority_to_grant(account(actor), [granted])
        return
    with pytest.raises(RoleTooHigh):
        demand_authority_to_grant(account(actor), [granted])


def test_one_high_role_among_low_ones_counts() -> None:
    assert refusal(account(ADMIN), Deed.DELETE, account(USER, ADMIN)) is OutranksYou
    with pytest.raises(RoleTooHigh):
        demand_authority_to_grant(account(ADMIN), [USER, ADMIN])


def test_a_role_that_we_do_not_know_is_below_all() -> None:
    assert rank_of(["gardener"]) < rank_of([USER]) < rank_of([ADMIN]) < rank_of([SUPER])
    assert refusal(account("gardener"), Deed.CHANGE, account(USER)) is OutranksYou


def test_the_order_of_roles_is_that_of_permissions() -> None:
    assert tuple(Role) == ROLE_HIERARCHY
