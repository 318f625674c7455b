"""What the users context offers to a host: accounts, sessions and the tokens that prove them.

Handles:
    OpenAccount, OpenAdminAccount, StartSession, RotateRefreshToken, LogOut, LogOutEverywhere, EndSession,
    ReplacePassword (commands)
    GetAccount, ListSessions, ListPublicKeys (queries)
Consumes:
    nothing
Publishes:
    users.user_registered v1
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from hedgerow_core.application import Bus, CommandHandler, QueryHandler
from hedgerow_core.http import ContextRouter
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import (
    CommandRunner,
    CoreContainer,
    Handlers,
    Manifest,
    Subscriptions,
    UnusableSetting,
    hookimpl,
)
from hedgerow_core.security import TokenIssuer
from hedgerow_users.application.commands.change_password import ReplacePassword
from hedgerow_users.application.commands.create_admin import OpenAdminAccount
from hedgerow_users.application.commands.end_session import EndSession
from hedgerow_users.application.commands.log_in import StartSession
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhere
from hedgerow_users.application.commands.refresh_session import RotateRefreshToken
from hedgerow_users.application.commands.register_user import OpenAccount
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.application.queries.list_public_keys import ListPublicKeys
from hedgerow_users.application.queries.list_sessions import ListSessions
from hedgerow_users.container import UsersContainer
from hedgerow_users.contracts import UserRegisteredV1
from hedgerow_users.domain.errors import EmailTaken
from hedgerow_users.interfaces.http import accounts_router, keys_router, sessions_router
from hedgerow_users.interfaces.own_sessions import own_sessions_router
from hedgerow_users.settings import UsersSettings

if TYPE_CHECKING:
    import typer


@hookimpl
def manifest() -> Manifest:
    """Who we are."""
    return Manifest(
        name="users",
        version=version("hedgerow-users"),
        core_api=">=0.1,<0.2",
        settings=UsersSettings,
        constraints={"uq_accounts_email": EmailTaken},
    )


@hookimpl
def migrations() -> MigrationHistory:
    """Where our schema comes from."""
    return MigrationHistory("hedgerow_users.infrastructure.migrations")


@hookimpl
def container(core: CoreContainer, settings: UsersSettings) -> UsersContainer:
    """What is wired to what.

    Raises:
        UnusableSetting: no secret is set where one must be.
    """
    if settings.secret is None and core.environment() != "dev":
        raise UnusableSetting(
            "USERS_SECRET",
            "is not set, and only `dev` makes one for itself",
            fix="set it to what `openssl rand -hex 32` prints: one for all processes, kept like a password",
        )
    return UsersContainer(core=core, settings=settings)


@hookimpl
def handlers(container: UsersContainer) -> Handlers:
    """Our use cases. Those that hash come in through the routes, because no transaction may be open then."""
    return Handlers(
        work=container.work,
        commands=(
            CommandHandler(OpenAccount, container.open_account()),
            CommandHandler(OpenAdminAccount, container.open_admin_account()),
            CommandHandler(StartSession, container.start_session()),
            CommandHandler(RotateRefreshToken, container.rotate_refresh_token()),
            CommandHandler(LogOut, container.log_out()),
            CommandHandler(LogOutEverywhere, container.log_out_everywhere()),
            CommandHandler(EndSession, container.end_session()),
            CommandHandler(ReplacePassword, container.replace_password()),
        ),
        queries=(
            QueryHandler(GetAccount, container.get_account()),
            QueryHandler(ListSessions, container.list_sessions()),
            QueryHandler(ListPublicKeys, container.list_public_keys()),
        ),
    )


@hookimpl
def subscriptions() -> Subscriptions:
    """What we tell others."""
    return Subscriptions(publishes=(UserRegisteredV1,))


@hookimpl
def routes(container: UsersContainer, bus: Bus) -> Sequence[ContextRouter]:
    """What can be called over HTTP."""
    return (
        accounts_router(
            bus,
            register_user=container.register_user(bus=bus),
            change_password=container.change_password(bus=bus),
        ),
        sessions_router(
            bus,
            log_in=container.guarded_log_in(log_in=container.log_in(bus=bus)),
            refresh_session=container.refresh_session(bus=bus),
        ),
        own_sessions_router(bus),
        keys_router(bus),
    )


@hookimpl
def authenticators(container: UsersContainer) -> Sequence[TokenIssuer]:
    """Our own tokens are to be believed."""
    settings = container.settings()
    return (
        TokenIssuer(
            issuer=settings.issuer,
            audience=settings.audience,
            find_key=container.signing_keys().find_public,
            is_revoked=container.revocations().is_revoked,
        ),
    )


@hookimpl
@asynccontextmanager
async def lifespan(container: UsersContainer) -> AsyncIterator[None]:
    """Keys and revocations are kept up to date while the process serves; the hashing threads end with it."""
    try:
        async with container.keeping_up().running():
            yield
    finally:
        await asyncio.to_thread(container.hasher().close)


@hookimpl
def cli(run: CommandRunner) -> typer.Typer:
    """`hedgerow users …`."""
    from hedgerow_users.interfaces.cli import users_cli  # who serves does without a command line

    return users_cli(
        create_admin=lambda email, password, name: run(
            lambda container, bus: container.create_admin(bus=bus)(email=email, password=password, name=name)
        ),
        list_keys=lambda: run(lambda container, _bus: container.signing_keys().views()),
        rotate_keys=lambda: run(lambda container, _bus: container.signing_keys().rotate()),
    )
