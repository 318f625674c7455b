"""Who may do what."""

import pytest

from hedgerow_core.domain import AuthorizationError, new_id
from hedgerow_core.security import Permission, PermissionTable, Principal

TABLE = PermissionTable(
    [Permission("shop:order:read", "user", "Look"), Permission("shop:order:delete", "admin", "Delete")]
)


def somebody(*roles: str) -> Principal:
    return Principal(subject=new_id(), session=None, roles=frozenset(roles))


@pytest.mark.parametrize(
    ("roles", "may_read", "may_delete"),
    [
        ((), False, False),
        (("user",), True, False),
        (("admin",), True, True),
        (("super_admin",), True, True),
        (("root",), False, False),
        (("root", "user"), True, False),
    ],
)
def test_a_higher_role_may_all_that_a_lower_one_may(
    roles: tuple[str, ...], may_read: bool, may_delete: bool
) -> None:
    assert TABLE.permits(somebody(*roles), "shop:order:read") is may_read
    assert TABLE.permits(somebody(*roles), "shop:order:delete") is may_delete


def test_a_permission_nobody_declared_is_nobodys() -> None:
    assert not TABLE.permits(somebody("super_admin"), "shop:order:burn")


def test_who_lacks_a_permission_is_told_which() -> None:
    with pytest.raises(AuthorizationError, match="shop:order:delete"):
        TABLE.demand(somebody("user"), "shop:order:delete")


@pytest.mark.parametrize(("name", "role"), [("shop", "user"), ("shop:order", "user"), ("shop:order:read", "guest")])
def test_a_permission_must_be_well_formed_and_granted_to_a_role_that_exists(name: str, role: str) -> None:
    with pytest.raises(ValueError, match=r"use one of|write context"):
        Permission(name, role, "")
