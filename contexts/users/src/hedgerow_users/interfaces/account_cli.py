"""`hedgerow users …` of one account: who gets in, who is shut out, with which roles. Same handlers as routes."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Protocol, TypeVar

import typer

from hedgerow_core.application import Bus, Command, Filter, current_cause, set_cause
from hedgerow_core.application import Operator as Comparison
from hedgerow_core.observability import log_of
from hedgerow_users.application.account_ports import AccountFilter
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.make_login_link import MakeLoginLink
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.reset_second_factor import ResetSecondFactor
from hedgerow_users.application.queries.list_accounts import ListAccounts
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import InvalidEmail
from hedgerow_users.domain.authority import Operator
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.roles import Role
from hedgerow_users.interfaces.printing import Json, print_row

LONGEST_LINK_MINUTES = 60
"""A link that opens an account is not to lie about."""

Answer = TypeVar("Answer")
EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Address of the account.")]
RolesArgument = Annotated[
    list[Role],
    typer.Argument(metavar="ROLE…", help="All roles that it shall have: `user`, `admin`, `super_admin`."),
]
Minutes = Annotated[
    int, typer.Option(min=1, max=LONGEST_LINK_MINUTES, help="How long it is good: 1 to 60 minutes.")
]

_log = log_of(__name__)


class OnBus(Protocol):
    """Runs work with the bus of this context, on the configured database."""

    def __call__(self, work: Callable[[Bus], Awaitable[Answer]], /) -> Answer:
        """Its answer."""
        ...


def operator() -> Operator:
    """Whoever runs the command, as the log and the events name them."""
    return Operator(f"cli:{getpass.getuser()}")


def add_account_verbs(app: typer.Typer, on_bus: OnBus) -> None:
    """The verbs. Each does its work when it is called."""
    app.add_typer(_roles(on_bus), name="roles")
    app.add_typer(_second_factor(on_bus), name="second-factor")

    @app.command("login-link")
    def login_link(email: EmailArgument, minutes: Minutes = 15) -> None:
        """Make a code that logs somebody in once, who can't prove the password and gets no mail; printed once,
        stored as its SHA-256.

        It is redeemed by `POST /v1/users/login/link` as `token`, and stands for the password alone: an account
        with a second factor is asked for its `code` as well, and a role that needs a second factor is not
        carried without. A new one replaces the one before, a new password drops it. The owner is told by mail
        when it is used. Logs `login_link_made`.

        Exit codes: 0, 1 (the account is deactivated, or migrations are pending), 2 (also if nobody has the
        address), 3.

        Example: hedgerow users login-link ada@example.org --minutes 5
        """
        lifetime = timedelta(minutes=minutes)
        account, code = with_account(
            on_bus, email, lambda account: MakeLoginLink(account_id=AccountId(account.id), lifetime=lifetime)
        )
        _log.info("login_link_made", account=str(account.id), by=operator().name)
        typer.echo(code.reveal())
        typer.echo(f"Good once, within {minutes} min: POST /v1/users/login/link takes it as `token`.", err=True)

    @app.command("deactivate")
    def deactivate(email: EmailArgument) -> None:
        """Close an account: its sessions end, its access tokens are refused within a second, nobody logs in to
        it.

        An operator may close every account but that of the last active super_admin. Logs `account_deactivated`.

        Exit codes: 0, 1 (it is closed already, it is the last super_admin, or migrations are pending), 2 (also
        if nobody has the address), 3.

        Example: hedgerow users deactivate ada@example.org
        """
        account, _closed = with_account(
            on_bus,
            email,
            lambda account: DeactivateAccount(actor_id=operator(), account_id=AccountId(account.id)),
        )
        _log.info("account_deactivated", account=str(account.id), by=operator().name)
        typer.echo(f"{account.email} is deactivated")

    @app.command("reactivate")
    def reactivate(email: EmailArgument) -> None:
        """Open a closed account again. Sessions that were ended stay ended. Logs `account_reactivated`.

        Exit codes: 0, 1 (it is open, or migrations are pending), 2 (also if nobody has the address), 3.

        Example: hedgerow users reactivate ada@example.org
        """
        account, _open = with_account(
            on_bus,
            email,
            lambda account: ReactivateAccount(actor_id=operator(), account_id=AccountId(account.id)),
        )
        _log.info("account_reactivated", account=str(account.id), by=operator().name)
        typer.echo(f"{account.email} is active")


def _roles(on_bus: OnBus) -> typer.Typer:
    app = typer.Typer(help="What an account may.", no_args_is_help=True)

    @app.command("show")
    def show(email: EmailArgument, as_json: Json = False) -> None:
        """Show the roles of an account.

        JSON: `email`, `roles`, `status`.

        Exit codes: 0, 1 (migrations are pending), 2 (also if nobody has the address), 3.

        Example: hedgerow users roles show ada@example.org
        """
        account = on_bus(lambda bus: account_of(bus, email))
        if account is None:
            raise unknown(email)
        row = {"email": account.email, "roles": list(account.roles), "status": str(account.status)}
        print_row(row, f"{account.email}  {' '.join(account.roles)}  {account.status}", as_json=as_json)

    @app.command("set")
    def assign(email: EmailArgument, roles: RolesArgument) -> None:
        """Give an account these roles, and no others; its sessions end, and its access tokens are refused within
        a second.

        An operator may give and take every role, `super_admin` included, except that the last active super_admin
        stays one. Logs `roles_set`.

        Exit codes: 0, 1 (it is the last super_admin, or migrations are pending), 2 (also if nobody has the
        address), 3.

        Example: hedgerow users roles set ada@example.org user admin
        """
        account, changed = with_account(
            on_bus,
            email,
            lambda account: AssignRoles(
                actor_id=operator(), account_id=AccountId(account.id), roles=frozenset(roles)
            ),
        )
        _log.info("roles_set", account=str(account.id), roles=list(changed.roles), by=operator().name)
        typer.echo(f"{changed.email}  {' '.join(changed.roles)}")

    return app


def _second_factor(on_bus: OnBus) -> typer.Typer:
    app = typer.Typer(help="What an account asks for besides the password.", no_args_is_help=True)

    @app.command("reset")
    def reset(email: EmailArgument) -> None:
        """Remove the second factor of somebody who has lost it.

        Ends all sessions of the account; its owner is told by mail. Logs `second_factor_reset`.

        Exit codes: 0, 1 (it has none, or migrations are pending), 2 (also if nobody has the address), 3.

        Example: hedgerow users second-factor reset ada@example.org
        """
        account, _gone = with_account(
            on_bus,
            email,
            lambda account: ResetSecondFactor(actor_id=operator(), account_id=AccountId(account.id)),
        )
        _log.info("second_factor_reset", account=str(account.id), by=operator().name)
        typer.echo(f"{account.email} has no second factor any more")

    return app


def with_account(
    on_bus: OnBus, email: str, command_for: Callable[[AccountView], Command[Answer]]
) -> tuple[AccountView, Answer]:
    """The account of an address, and what came of a command about it.

    Raises:
        BadParameter: nobody has this address.
    """

    async def work(bus: Bus) -> tuple[AccountView, Answer] | None:
        account = await account_of(bus, email)
        if account is None:
            return None
        set_cause(replace(current_cause(), actor=operator().name))
        return account, await bus.execute(command_for(account))

    done = on_bus(work)
    if done is None:
        raise unknown(email)
    return done


def unknown(email: str) -> typer.BadParameter:
    """Ends the command with exit code 2."""
    return typer.BadParameter(f"nobody has the address {email}: check it", param_hint="EMAIL")


async def account_of(bus: Bus, email: str) -> AccountView | None:
    """The account of an address; None if nobody has it."""
    try:
        address = Email.written(email)
    except InvalidEmail:
        return None
    of_address = Filter("email", Comparison.EQ, str(address))
    page = await bus.ask(ListAccounts(wanted=AccountFilter(filters=(of_address,)), limit=1))
    return next(iter(page.items), None)
