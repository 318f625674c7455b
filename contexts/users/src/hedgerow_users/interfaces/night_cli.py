"""`hedgerow users …` for a bad night: who gets in, who is shut out, with which roles. Same handlers as routes."""

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
RolesArgument = Annotated[list[Role], typer.Argument(metavar="ROLE…", help="All roles that it shall have.")]
Minutes = Annotated[
    int, typer.Option(min=1, max=LONGEST_LINK_MINUTES, help="How long the link is good, in minutes.")
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


def add_night_verbs(app: typer.Typer, on_bus: OnBus) -> None:
    """The verbs. Each does its work when it is called."""
    app.add_typer(_roles(on_bus), name="roles")
    app.add_typer(_second_factor(on_bus), name="second-factor")

    @app.command("login-link")
    def login_link(email: EmailArgument, minutes: Minutes = 15) -> None:
        """Make a code that logs somebody in, once. It stands for the password, not for a second factor."""
        lifetime = timedelta(minutes=minutes)
        account, code = with_account(
            on_bus, email, lambda account: MakeLoginLink(account_id=AccountId(account.id), lifetime=lifetime)
        )
        _log.info("login_link_made", account=str(account.id), by=operator().name)
        typer.echo(code.reveal())
        typer.echo(f"Good once, within {minutes} min: POST /v1/users/login/link takes it as `token`.", err=True)

    @app.command("deactivate")
    def deactivate(email: EmailArgument) -> None:
        """Close an account: its sessions end within a second, and nobody logs in to it."""
        account, _closed = with_account(
            on_bus,
            email,
            lambda account: DeactivateAccount(actor_id=operator(), account_id=AccountId(account.id)),
        )
        _log.info("account_deactivated", account=str(account.id), by=operator().name)
        typer.echo(f"{account.email} is deactivated")

    @app.command("reactivate")
    def reactivate(email: EmailArgument) -> None:
        """Open a closed account again."""
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
        """Show the roles of an account."""
        account = on_bus(lambda bus: account_of(bus, email))
        if account is None:
            raise unknown(email)
        row = {"email": account.email, "roles": list(account.roles), "status": str(account.status)}
        print_row(row, f"{account.email}  {' '.join(account.roles)}  {account.status}", as_json=as_json)

    @app.command("set")
    def assign(email: EmailArgument, roles: RolesArgument) -> None:
        """Give an account these roles, and no others. Its sessions end within a second."""
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
        """Remove the second factor of somebody who has lost it. Ends all sessions; the owner is told by mail."""
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
