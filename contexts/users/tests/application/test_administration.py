"""Administration on a real database: what an act changes, whom it throws out, and what it tells others."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Row

from hedgerow_core.application import Bus, Command, Filter, Filters, Operator
from hedgerow_core.domain import AuthorizationError, DomainError, Secret, ValidationError, new_id
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.account_ports import AccountFilter
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.create_account import CreateAccount
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.delete_account import DeleteAccount
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.update_account import UpdateAccount
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfile
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.application.queries.list_accounts import ListAccounts
from hedgerow_users.application.queries.look_up_account import LookUpAccount
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.account_errors import (
    AccountDeactivated,
    AccountDeleted,
    AccountGone,
    AccountNotFound,
    EmailTaken,
    UnsuitableProfile,
)
from hedgerow_users.domain.administration_errors import NotYourself, OutranksYou, RoleTooHigh, SuperAdminImmutable
from hedgerow_users.domain.proof_errors import InvalidCredentials
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.session_errors import InvalidRefreshToken

Register = Callable[..., Awaitable[AccountView]]

PASSWORD = Secret("correct horse")

Rows = Callable[..., Awaitable[Sequence[Row[Any]]]]
Somebody = Callable[..., Awaitable[AccountId]]
WorkOff = Callable[[], Awaitable[None]]


def address_of(name: str) -> str:
    return f"{name}@example.org"


@pytest.fixture
def somebody(register: Register, rows: Rows) -> Somebody:
    """An account of this name and role; its address is name@example.org."""

    async def somebody(name: str, role: Role = Role.USER) -> AccountId:
        account = await register(email=address_of(name.replace(" ", "-")), password=PASSWORD, name=name)
        await rows("UPDATE accounts SET roles = ARRAY[:role] WHERE id = :id", role=role.value, id=account.id)
        return AccountId(account.id)

    return somebody


@pytest.fixture
async def boss(somebody: Somebody) -> AccountId:
    return await somebody("boss", Role.SUPER_ADMIN)


@pytest.fixture
async def admin(somebody: Somebody) -> AccountId:
    return await somebody("admin", Role.ADMIN)


@pytest.fixture
async def ada(somebody: Somebody) -> AccountId:
    return await somebody("ada")


async def published(rows: Rows, id: AccountId) -> list[tuple[str, Any]]:
    found = await rows(
        "SELECT type, payload FROM outbox WHERE aggregate_id = :id ORDER BY aggregate_version", id=id
    )
    return [(row.type, row.payload) for row in found][1:]


async def end_reasons(rows: Rows, id: AccountId) -> set[str | None]:
    return {row[0] for row in await rows("SELECT end_reason FROM sessions WHERE account_id = :id", id=id)}


# Who may


def deeds(actor: AccountId, target: AccountId) -> list[Command[Any]]:
    return [
        UpdateAccount(actor_id=actor, account_id=target, patch={"name": "Changed"}),
        DeactivateAccount(actor_id=actor, account_id=target),
        ReactivateAccount(actor_id=actor, account_id=target),
        AssignRoles(actor_id=actor, account_id=target, roles=frozenset({Role.USER})),
        DeleteAccount(actor_id=actor, account_id=target),
    ]


async def test_whoever_may_not_changes_nothing(
    bus: Bus, somebody: Somebody, boss: AccountId, admin: AccountId, ada: AccountId, rows: Rows
) -> None:
    cases: list[tuple[AccountId, AccountId, type[DomainError]]] = [
        (ada, admin, OutranksYou),
        (admin, await somebody("peer", Role.ADMIN), OutranksYou),
        (admin, boss, SuperAdminImmutable),
        (boss, await somebody("other boss", Role.SUPER_ADMIN), SuperAdminImmutable),
        (boss, boss, NotYourself),
    ]
    before = await rows("SELECT * FROM accounts ORDER BY id")
    for actor, target, refusal in cases:
        for deed in deeds(actor, target)[1 if refusal is NotYourself else 0 :]:
            with pytest.raises(refusal):
                await bus.execute(deed)
    assert await rows("SELECT * FROM accounts ORDER BY id") == before


async def test_the_roles_that_count_are_those_of_this_moment(
    bus: Bus, boss: AccountId, admin: AccountId, ada: AccountId
) -> None:
    await bus.execute(AssignRoles(actor_id=boss, account_id=admin, roles=frozenset({Role.USER})))
    with pytest.raises(OutranksYou):
        await bus.execute(DeactivateAccount(actor_id=admin, account_id=ada))


async def test_who_was_closed_or_is_gone_acts_no_more(
    bus: Bus, boss: AccountId, admin: AccountId, ada: AccountId
) -> None:
    await bus.execute(DeactivateAccount(actor_id=boss, account_id=admin))
    for actor in (admin, AccountId(new_id())):
        with pytest.raises(AccountGone):
            await bus.execute(DeactivateAccount(actor_id=actor, account_id=ada))


async def test_an_unknown_account_is_not_found(bus: Bus, admin: AccountId) -> None:
    for deed in deeds(admin, AccountId(new_id())):
        with pytest.raises(AccountNotFound):
            await bus.execute(deed)
    with pytest.raises(AccountNotFound):
        await bus.ask(LookUpAccount(account_id=new_id()))


# What it changes


async def test_a_deactivated_account_is_thrown_out_and_stays_outside_until_it_is_reactivated(
    bus: Bus, admin: AccountId, ada: AccountId, log_in: LogIn, refresh: RefreshSession, rows: Rows
) -> None:
    tokens = await log_in(email=address_of("ada"), password=PASSWORD)
    closed = await bus.execute(DeactivateAccount(actor_id=admin, account_id=ada))
    assert closed.status is AccountStatus.DEACTIVATED
    assert await end_reasons(rows, ada) == {"account_deactivated"}
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=tokens.refresh_token)
    with pytest.raises(AccountDeactivated):
        await log_in(email=address_of("ada"), password=PASSWORD)
    with pytest.raises(InvalidCredentials):
        await log_in(email=address_of("ada"), password=Secret("wrong horse"))
    with pytest.raises(AccountGone):
        await bus.ask(GetAccount(account_id=ada))
    await bus.execute(ReactivateAccount(actor_id=admin, account_id=ada))
    await log_in(email=address_of("ada"), password=PASSWORD)
    assert [type for type, _ in await published(rows, ada)] == ["users.user_deactivated", "users.user_reactivated"]


async def test_new_roles_end_the_sessions_that_knew_the_old_ones(
    bus: Bus, boss: AccountId, ada: AccountId, log_in: LogIn, rows: Rows
) -> None:
    await log_in(email=address_of("ada"), password=PASSWORD)
    promoted = await bus.execute(AssignRoles(actor_id=boss, account_id=ada, roles=frozenset({Role.ADMIN})))
    assert promoted.roles == ("admin",)
    assert await end_reasons(rows, ada) == {"roles_changed"}
    ((type, payload),) = await published(rows, ada)
    assert (type, payload["changes"]) == ("users.user_updated", {"roles": {"old": ["user"], "new": ["admin"]}})


async def test_the_same_roles_again_end_nothing(
    bus: Bus, boss: AccountId, ada: AccountId, log_in: LogIn, rows: Rows
) -> None:
    await log_in(email=address_of("ada"), password=PASSWORD)
    await bus.execute(AssignRoles(actor_id=boss, account_id=ada, roles=frozenset({Role.USER})))
    assert await end_reasons(rows, ada) == {None}


async def test_nobody_gives_a_role_as_high_as_their_own(
    bus: Bus, boss: AccountId, admin: AccountId, ada: AccountId
) -> None:
    for actor, role in ((admin, Role.ADMIN), (boss, Role.SUPER_ADMIN)):
        with pytest.raises(RoleTooHigh):
            await bus.execute(AssignRoles(actor_id=actor, account_id=ada, roles=frozenset({role})))
        with pytest.raises(RoleTooHigh):
            await bus.execute(
                CreateAccount(actor_id=actor, email="x@example.org", name="X", roles=frozenset({role}))
            )


async def test_of_a_deleted_account_nothing_personal_is_left_and_the_address_is_free(
    bus: Bus, admin: AccountId, ada: AccountId, log_in: LogIn, register: Register, rows: Rows
) -> None:
    await bus.execute(UpdateOwnProfile(account_id=ada, patch={"phone": "112", "metadata": {"secret": "garden"}}))
    await log_in(email=address_of("ada"), password=PASSWORD)
    await bus.execute(DeleteAccount(actor_id=admin, account_id=ada))
    assert await end_reasons(rows, ada) == {"account_deleted"}
    with pytest.raises(InvalidCredentials):
        await log_in(email=address_of("ada"), password=PASSWORD)
    ((kept,),) = await rows("SELECT t::text FROM accounts t WHERE id = :id", id=ada)
    for personal in ("ada@", "112", "garden", "argon2"):
        assert personal not in kept
    assert (await published(rows, ada))[-1][0] == "users.user_deleted"
    assert (await register(email=address_of("ada"), password=PASSWORD, name="Ada")).id != ada
    with pytest.raises(AccountDeleted):
        await bus.execute(ReactivateAccount(actor_id=admin, account_id=ada))


async def test_owners_delete_their_own_accounts_but_no_super_admin_does(
    bus: Bus, boss: AccountId, ada: AccountId, rows: Rows
) -> None:
    await bus.execute(DeleteOwnAccount(account_id=ada))
    assert (await bus.ask(LookUpAccount(account_id=ada))).status is AccountStatus.DELETED
    with pytest.raises(AccountGone):
        await bus.execute(DeleteOwnAccount(account_id=ada))
    with pytest.raises(SuperAdminImmutable):
        await bus.execute(DeleteOwnAccount(account_id=boss))


async def test_a_created_account_gets_its_password_from_its_owner(
    bus: Bus,
    container: UsersContainer,
    admin: AccountId,
    log_in: LogIn,
    work_off: WorkOff,
    code_for: Callable[[str], Secret],
) -> None:
    await bus.execute(
        CreateAccount(actor_id=admin, email="new@example.org", name="New", roles=frozenset({Role.USER}))
    )
    for guess in ("", "None", PASSWORD.reveal()):
        with pytest.raises(InvalidCredentials):
            await log_in(email="new@example.org", password=Secret(guess))
    await work_off()
    await container.reset_password(bus=bus)(code=code_for("new@example.org"), new=PASSWORD)
    await log_in(email="new@example.org", password=PASSWORD)


async def test_an_account_is_not_created_twice(bus: Bus, admin: AccountId, ada: AccountId) -> None:
    with pytest.raises(EmailTaken):
        await bus.execute(
            CreateAccount(actor_id=admin, email="ADA@example.org", name="Eve", roles=frozenset({Role.USER}))
        )


# Profiles


async def test_a_patch_changes_what_it_names_and_null_clears(
    bus: Bus, ada: AccountId, rows: Rows, clock: FakeClock
) -> None:
    await bus.execute(UpdateOwnProfile(account_id=ada, patch={"phone": "112", "metadata": {"a": 1}}))
    view = await bus.execute(UpdateOwnProfile(account_id=ada, patch={"phone": None, "address": " Here "}))
    assert (view.phone, view.address, view.metadata, view.version) == (None, "Here", {"a": 1}, 3)
    assert await bus.ask(GetAccount(account_id=ada)) == view
    (_, (type, payload)) = await published(rows, ada)
    assert type == "users.user_updated"
    assert payload["changes"] == {"phone": {"old": "112", "new": None}, "address": {"old": None, "new": "Here"}}


async def test_a_patch_that_changes_nothing_is_not_saved(bus: Bus, ada: AccountId, rows: Rows) -> None:
    view = await bus.execute(UpdateOwnProfile(account_id=ada, patch={"name": "ada", "phone": None}))
    assert view.version == 1
    assert await published(rows, ada) == []


async def test_a_birthday_lies_in_the_past(bus: Bus, ada: AccountId, clock: FakeClock) -> None:
    tomorrow = clock.now().date().replace(day=clock.now().day + 1)
    with pytest.raises(UnsuitableProfile):
        await bus.execute(UpdateOwnProfile(account_id=ada, patch={"birthday": tomorrow}))


async def test_an_administrator_changes_the_profile_of_a_user(bus: Bus, admin: AccountId, ada: AccountId) -> None:
    view = await bus.execute(UpdateAccount(actor_id=admin, account_id=ada, patch={"name": "Ada King"}))
    assert view.name == "Ada King"


async def test_a_super_admin_changes_its_own_profile_and_nobody_else_does(bus: Bus, boss: AccountId) -> None:
    await bus.execute(UpdateOwnProfile(account_id=boss, patch={"phone": "112"}))
    await bus.execute(UpdateAccount(actor_id=boss, account_id=boss, patch={"phone": "110"}))


# The list


async def names(bus: Bus, *, sort: str = "name", limit: int = 100, **wanted: Any) -> list[str]:
    page = await bus.ask(ListAccounts(wanted=AccountFilter(**wanted), limit=limit, sort=sort))
    return [account.name for account in page.items]


def of_status(status: AccountStatus) -> Filters:
    return (Filter("status", Operator.EQ, status),)


async def test_the_list_is_filtered_and_searched(
    bus: Bus, boss: AccountId, admin: AccountId, ada: AccountId, somebody: Somebody
) -> None:
    await bus.execute(DeactivateAccount(actor_id=boss, account_id=admin))
    gone = await somebody("gone")
    await bus.execute(DeleteAccount(actor_id=boss, account_id=gone))
    assert await names(bus) == ["ada", "admin", "boss"]
    assert await names(bus, sort="-name") == ["boss", "admin", "ada"]
    assert await names(bus, filters=(Filter("email", Operator.EQ, "ADA@example.org"),)) == ["ada"]
    assert await names(bus, filters=(Filter("email", Operator.IN, ("BOSS@example.org", "x")),)) == ["boss"]
    assert await names(bus, filters=(Filter("verified_at", Operator.IS_NULL, False),)) == []
    assert await names(bus, role=Role.SUPER_ADMIN) == ["boss"]
    assert await names(bus, filters=of_status(AccountStatus.DEACTIVATED)) == ["admin"]
    assert await names(bus, filters=of_status(AccountStatus.DELETED)) == ["Deleted account"]
    assert await names(bus, search="AD") == ["ada", "admin"]
    assert await names(bus, search="@EXAMPLE") == ["ada", "admin", "boss"]


async def test_a_search_has_no_wildcards(bus: Bus, ada: AccountId, register: Register) -> None:
    await register(email="percent@example.org", password=PASSWORD, name="100% \\ sure_thing")
    for text in ("%", "_", "\\", "100% \\ sure_"):
        assert await names(bus, search=text) == ["100% \\ sure_thing"], text
    assert await names(bus, search="a%a") == []


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name", "email", "-email"])
async def test_pages_neither_lose_nor_repeat_anybody(bus: Bus, rows: Rows, sort: str) -> None:
    # Twelve accounts, three of each name and time, so that the id has to break ties.
    await rows(
        """
        INSERT INTO accounts (id, email, name, roles, created_at, version)
        SELECT gen_random_uuid(), 'u' || n || '@example.org', 'name ' || n % 4, ARRAY['user'],
            timestamptz '2026-01-01' + n % 4 * interval '1 day', 1
        FROM generate_series(1, 12) n
        """
    )
    seen: list[AccountView] = []
    cursor = None
    while True:
        page = await bus.ask(ListAccounts(wanted=AccountFilter(), limit=5, sort=sort, cursor=cursor))
        seen += page.items
        if page.next is None:
            break
        cursor = page.next
    assert len({account.id for account in seen}) == len(seen) == 12
    keys = [getattr(account, sort.removeprefix("-")) for account in seen]
    if sort.removeprefix("-") != "email":  # whose order is the database's collation
        assert keys == sorted(keys, reverse=sort.startswith("-"))


@pytest.mark.parametrize("value", ["\x00", "\ud800"])
async def test_a_forged_cursor_is_refused(bus: Bus, value: str) -> None:
    packed = json.dumps(["name", value, str(new_id())])
    forged = base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")
    with pytest.raises(ValidationError):
        await bus.ask(ListAccounts(wanted=AccountFilter(), limit=5, sort="name", cursor=forged))


async def test_the_list_is_sorted_by_what_is_indexed_only(bus: Bus) -> None:
    with pytest.raises(ValidationError):
        await bus.ask(ListAccounts(wanted=AccountFilter(), limit=5, sort="password_hash"))


def test_refusals_are_refusals() -> None:
    for error in (NotYourself, OutranksYou, RoleTooHigh, SuperAdminImmutable):
        assert issubclass(error, AuthorizationError)
