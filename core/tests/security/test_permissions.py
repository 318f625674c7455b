"""Who may do what."""

import pytest

from hedgerow_core.domain import AuthorizationError, UnavailableError, new_id
from hedgerow_core.security import Permission, PermissionTable, Principal, PrincipalKind

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


def key(*scopes: str, roles: tuple[str, ...] = ("user",)) -> Principal:
    return Principal(subject=new_id(), session=None, roles=frozenset(roles), scopes=frozenset(scopes))


def service(*scopes: str) -> Principal:
    return Principal(
        subject=new_id(), session=None, roles=frozenset(), scopes=frozenset(scopes), kind=PrincipalKind.SERVICE
    )


@pytest.mark.parametrize(
    ("who", "may_read", "may_delete"),
    [
        (key(), False, False),
        (key("shop:order:read"), True, False),
        (key("shop:order:read", "shop:order:delete"), True, False),
        (key("shop:order:delete", roles=("admin",)), False, True),
        (key("shop:read", "shop:write", "shop:order", "*", roles=("super_admin",)), False, False),
        (service(), False, False),
        (service("shop:order:delete"), False, True),
    ],
)
def test_a_key_may_what_both_scope_and_role_allow_and_a_service_what_its_scopes_name(
    who: Principal, may_read: bool, may_delete: bool
) -> None:
    assert TABLE.permits(who, "shop:order:read") is may_read
    assert TABLE.permits(who, "shop:order:delete") is may_delete


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (key("shop:order:read", roles=("admin",)), "scope_missing"),
        (service("shop:order:read"), "scope_missing"),
        (key("shop:order:delete"), "not_permitted"),
        (somebody("user"), "not_permitted"),
    ],
)
def test_a_refusal_says_whether_a_scope_or_a_role_is_missing(who: Principal, code: str) -> None:
    with pytest.raises(AuthorizationError, match="shop:order:delete") as refused:
        TABLE.demand(who, "shop:order:delete")

    assert refused.value.code == code


def test_a_service_says_what_it_may_or_is_no_principal() -> None:
    with pytest.raises(ValueError, match="name them"):
        Principal(subject=new_id(), session=None, roles=frozenset(), kind=PrincipalKind.SERVICE)


def test_the_table_knows_which_scopes_there_are_and_who_may_hand_them_out() -> None:
    table = PermissionTable(
        [Permission("shop:order:read", "user", ""), Permission("shop:order:delete", "admin", "")], contexts=["shop"]
    )
    wanted = ["shop:read", "shop:order:read", "shop:order:delete", "shop:burn", "bank:read", ""]

    assert table.unknown(wanted) == ["", "bank:read", "shop:burn"]
    assert table.beyond(["user"], wanted) == ["shop:order:delete"]
    assert table.beyond(["admin"], wanted) == []
    assert table.beyond([], wanted) == ["shop:order:delete", "shop:order:read"]


def test_what_is_not_everybodys_is_administrative_and_so_is_what_nobody_has_declared() -> None:
    assert not TABLE.is_administrative("shop:order:read")
    assert TABLE.is_administrative("shop:order:delete")
    assert TABLE.is_administrative("shop:order:burn")


def test_a_scope_of_a_context_that_was_not_heard_yet_is_neither_known_nor_refused_for_good() -> None:
    table = PermissionTable(())
    table.declare([], ["shop", "bank"], unheard=["bank"])

    assert table.unknown(["bank:read", "shop:read", "shop:order:burn"]) == ["shop:order:burn"]
    with pytest.raises(UnavailableError) as unknown:
        table.unknown(["bank:account:close"])
    assert unknown.value.code == "permissions_unknown"

    table.declare([], ["shop", "bank"])
    assert table.unknown(["bank:account:close"]) == ["bank:account:close"]
