"""What the users context offers to a host: accounts, sessions and the tokens that prove them.

Handles:
    OpenAccount, OpenAdminAccount, StartSession, RotateRefreshToken, LogOut, LogOutEverywhere, EndSession,
    ReplacePassword, RenewPasswordHash (commands)
    RequestLink, VerifyEmail, ReplaceForgottenPassword, ReserveEmailChange, ConfirmEmail (commands)
    UpdateOwnProfile, DeleteOwnAccount (commands)
    CreateAccount, UpdateAccount, DeactivateAccount, ReactivateAccount, DeleteAccount, AssignRoles (commands)
    GetAccount, LookUpAccount, ListAccounts, ListSessions, ListPublicKeys (queries)
    users.send_link, users.send_notice, users.prune_sessions (tasks)
Consumes:
    nothing
Publishes:
    users.user_registered v1
    users.user_updated v1
    users.user_deactivated v1
    users.user_reactivated v1
    users.user_deleted v1
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from hedgerow_core.application import Bus, CommandHandler, QueryHandler
from hedgerow_core.http import ContextRouter
from hedgerow_core.messaging import OutboundTaskHandler, Schedule, TaskHandler
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
from hedgerow_core.security import Permission, TokenIssuer
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.change_password import ReplacePassword
from hedgerow_users.application.commands.confirm_email import ConfirmEmail
from hedgerow_users.application.commands.create_account import CreateAccount
from hedgerow_users.application.commands.create_admin import OpenAdminAccount
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.delete_account import DeleteAccount
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.end_session import EndSession
from hedgerow_users.application.commands.log_in import StartSession
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhere
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.refresh_session import RotateRefreshToken
from hedgerow_users.application.commands.register_user import OpenAccount
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHash
from hedgerow_users.application.commands.request_email_change import ReserveEmailChange
from hedgerow_users.application.commands.request_link import RequestLink
from hedgerow_users.application.commands.reset_password import ReplaceForgottenPassword
from hedgerow_users.application.commands.update_account import UpdateAccount
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfile
from hedgerow_users.application.commands.verify_email import VerifyEmail
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.application.queries.list_accounts import ListAccounts
from hedgerow_users.application.queries.list_public_keys import ListPublicKeys
from hedgerow_users.application.queries.list_sessions import ListSessions
from hedgerow_users.application.queries.look_up_account import LookUpAccount
from hedgerow_users.application.tasks.prune_sessions import PruneSessions
from hedgerow_users.application.tasks.send_link import SendLink
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.container import UsersContainer
from hedgerow_users.contracts import PUBLISHED
from hedgerow_users.domain.errors import EmailTaken
from hedgerow_users.interfaces.administration import administration_router
from hedgerow_users.interfaces.http import accounts_router, keys_router, sessions_router
from hedgerow_users.interfaces.mailed_links import links_router
from hedgerow_users.interfaces.own_profile import profile_router
from hedgerow_users.interfaces.own_sessions import own_sessions_router
from hedgerow_users.settings import UsersSettings

if TYPE_CHECKING:
    import typer

KEEP_MAIL_TASKS = timedelta(days=1)
"""They name addresses, also such as have no account here: kept to see what became of them, and no longer."""


@hookimpl
def manifest() -> Manifest:
    """Who we are."""
    return Manifest(
        name="users",
        version=version("hedgerow-users"),
        core_api=">=0.1,<0.2",
        settings=UsersSettings,
        permissions=(
            Permission("users:account:list", "admin", "List and search accounts"),
            Permission("users:account:read", "admin", "Look at any account"),
            Permission("users:account:create", "admin", "Open accounts for others"),
            Permission("users:account:update", "admin", "Change names and profiles of others"),
            Permission("users:account:deactivate", "admin", "Close and reopen accounts of others"),
            Permission("users:account:delete", "admin", "Delete accounts of others"),
            Permission("users:role:assign", "admin", "Give roles below one's own"),
        ),
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
    send_link, send_notice = container.send_link(), container.send_notice()
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
            CommandHandler(RenewPasswordHash, container.renew_password_hash()),
            CommandHandler(RequestLink, container.request_link()),
            CommandHandler(VerifyEmail, container.verify_email()),
            CommandHandler(ReplaceForgottenPassword, container.replace_forgotten_password()),
            CommandHandler(ReserveEmailChange, container.reserve_email_change()),
            CommandHandler(ConfirmEmail, container.confirm_email()),
            CommandHandler(UpdateOwnProfile, container.update_own_profile()),
            CommandHandler(DeleteOwnAccount, container.delete_own_account()),
            CommandHandler(CreateAccount, container.create_account()),
            CommandHandler(UpdateAccount, container.update_account()),
            CommandHandler(DeactivateAccount, container.deactivate_account()),
            CommandHandler(ReactivateAccount, container.reactivate_account()),
            CommandHandler(DeleteAccount, container.delete_account()),
            CommandHandler(AssignRoles, container.assign_roles()),
        ),
        queries=(
            QueryHandler(GetAccount, container.get_account()),
            QueryHandler(ListSessions, container.list_sessions()),
            QueryHandler(LookUpAccount, container.look_up_account()),
            QueryHandler(ListAccounts, container.list_accounts()),
            QueryHandler(ListPublicKeys, container.list_public_keys()),
        ),
        tasks=(
            OutboundTaskHandler(
                task=SendLink, call=send_link.call, apply=send_link.apply, keep_completed=KEEP_MAIL_TASKS
            ),
            OutboundTaskHandler(
                task=SendNotice, call=send_notice.call, apply=send_notice.apply, keep_completed=KEEP_MAIL_TASKS
            ),
            TaskHandler(task=PruneSessions, handle=container.prune_sessions()),
        ),
        schedules=(
            Schedule(name="users.prune_sessions", cron="17 * * * *", task=lambda tick: PruneSessions(tick=tick)),
        ),
    )


@hookimpl
def subscriptions() -> Subscriptions:
    """What we tell others."""
    return Subscriptions(publishes=PUBLISHED)


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
        links_router(
            bus,
            reset_password=container.reset_password(bus=bus),
            request_email_change=container.request_email_change(bus=bus),
        ),
        profile_router(bus),
        administration_router(bus),
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
    """Refuses to serve without a way for mail to leave. Keeps keys and revocations up to date while it serves.

    The hashing threads end with the process.
    """
    container.mailer()
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
