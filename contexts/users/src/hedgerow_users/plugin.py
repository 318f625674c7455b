"""What the users context offers to a host: accounts, sessions and the tokens that prove them.

Handles:
    OpenAccount, OpenAdminAccount, OpenDemoAccount, StartSession, RefuseLogIn, RotateRefreshToken, LogOut,
    LogOutEverywhere, EndSession, RefusePassword, ReplacePassword, RenewPasswordHash (commands)
    BeginSecondFactor, ConfirmSecondFactor, RenewRecoveryCodes, RemoveSecondFactor,
    ResetSecondFactor, MakeLoginLink, RedeemLoginLink, EndEverySession (commands)
    RequestLink, VerifyEmail, ReplaceForgottenPassword, ReserveEmailChange, ConfirmEmail (commands)
    UpdateOwnProfile, DeleteOwnAccount (commands)
    CreateAccount, UpdateAccount, DeactivateAccount, ReactivateAccount, DeleteAccount, AssignRoles (commands)
    CreateApiKey, RotateApiKey, RevokeApiKey, RevokeAccountKey, RevokeLeakedKey, CreateService, RevokeService
    (commands)
    ProvisionAccount, AddIdentity, UnlinkIdentity, TakeProviderNews, ImpersonateAccount (commands)
    GetAccount, LookUpAccount, ListAccounts, ListSessions, ListIdentities, ListPublicKeys, GetSecondFactor,
    ListApiKeys, ListServices (queries)
    users.send_link, users.send_notice, users.answer_registration, users.prune_sessions (tasks)
Consumes:
    nothing
Publishes:
    users.user_registered v1
    users.user_updated v1
    users.user_deactivated v1
    users.user_reactivated v1
    users.user_deleted v1
Answers:
    users.get_user v1
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from hedgerow_core.application import Bus, CommandHandler, QueryHandler
from hedgerow_core.application.concerns import Concern
from hedgerow_core.application.seeding import Seed
from hedgerow_core.grpc import GrpcService
from hedgerow_core.http import ContextRouter, CookieMode
from hedgerow_core.messaging import OutboundTaskHandler, Schedule, TaskHandler
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import (
    CommandRunner,
    CoreContainer,
    Handlers,
    Impersonation,
    Manifest,
    Subscriptions,
    UnusableSetting,
    hookimpl,
)
from hedgerow_core.security import KeyAuthority, Permission, TokenIssuer
from hedgerow_users.application.audited import written_down
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.begin_second_factor import BeginSecondFactor
from hedgerow_users.application.commands.change_password import ReplacePassword
from hedgerow_users.application.commands.confirm_email import ConfirmEmail
from hedgerow_users.application.commands.confirm_second_factor import ConfirmSecondFactor
from hedgerow_users.application.commands.create_account import CreateAccount
from hedgerow_users.application.commands.create_admin import OpenAdminAccount
from hedgerow_users.application.commands.create_api_key import CreateApiKey
from hedgerow_users.application.commands.create_service import CreateService
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.delete_account import DeleteAccount
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.end_every_session import EndEverySession
from hedgerow_users.application.commands.end_session import EndSession
from hedgerow_users.application.commands.impersonate_account import ImpersonateAccount
from hedgerow_users.application.commands.link_identity import AddIdentity
from hedgerow_users.application.commands.log_in import StartSession
from hedgerow_users.application.commands.log_in_by_link import RedeemLoginLink
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhere
from hedgerow_users.application.commands.make_login_link import MakeLoginLink
from hedgerow_users.application.commands.open_demo_account import OpenDemoAccount
from hedgerow_users.application.commands.provision_account import ProvisionAccount
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.refresh_session import RotateRefreshToken
from hedgerow_users.application.commands.refuse_log_in import RefuseLogIn
from hedgerow_users.application.commands.refuse_password import RefusePassword
from hedgerow_users.application.commands.register_user import OpenAccount
from hedgerow_users.application.commands.remove_second_factor import RemoveSecondFactor
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHash
from hedgerow_users.application.commands.renew_recovery_codes import RenewRecoveryCodes
from hedgerow_users.application.commands.request_email_change import ReserveEmailChange
from hedgerow_users.application.commands.request_link import RequestLink
from hedgerow_users.application.commands.reset_password import ReplaceForgottenPassword
from hedgerow_users.application.commands.reset_second_factor import ResetSecondFactor
from hedgerow_users.application.commands.revoke_account_key import RevokeAccountKey
from hedgerow_users.application.commands.revoke_api_key import RevokeApiKey
from hedgerow_users.application.commands.revoke_leaked_key import RevokeLeakedKey
from hedgerow_users.application.commands.revoke_service import RevokeService
from hedgerow_users.application.commands.rotate_api_key import RotateApiKey
from hedgerow_users.application.commands.take_provider_news import TakeProviderNews
from hedgerow_users.application.commands.unlink_identity import UnlinkIdentity
from hedgerow_users.application.commands.update_account import UpdateAccount
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfile
from hedgerow_users.application.commands.verify_email import VerifyEmail
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.application.queries.get_second_factor import GetSecondFactor
from hedgerow_users.application.queries.list_accounts import ListAccounts
from hedgerow_users.application.queries.list_api_keys import ListApiKeys
from hedgerow_users.application.queries.list_identities import ListIdentities
from hedgerow_users.application.queries.list_public_keys import ListPublicKeys
from hedgerow_users.application.queries.list_services import ListServices
from hedgerow_users.application.queries.list_sessions import ListSessions
from hedgerow_users.application.queries.look_up_account import LookUpAccount
from hedgerow_users.application.signing_key_view import SigningKeyView
from hedgerow_users.application.tasks.answer_registration import AnswerRegistration
from hedgerow_users.application.tasks.prune_sessions import PruneSessions
from hedgerow_users.application.tasks.send_link import SendLink
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.container import UsersContainer
from hedgerow_users.contracts import PUBLISHED
from hedgerow_users.domain.account_errors import EmailTaken
from hedgerow_users.domain.api_key import KeyOwner
from hedgerow_users.domain.api_key_text import PREFIX
from hedgerow_users.domain.identity_errors import IdentityTaken
from hedgerow_users.domain.key_errors import KeyAlreadyRotated, ServiceNameTaken
from hedgerow_users.infrastructure.answers import ANSWERS
from hedgerow_users.interfaces.administration import administration_router
from hedgerow_users.interfaces.api_keys import api_keys_router
from hedgerow_users.interfaces.concerns import CONCERNS, concerns
from hedgerow_users.interfaces.cookies import ACCESS_COOKIE
from hedgerow_users.interfaces.http import accounts_router, keys_router, sessions_router
from hedgerow_users.interfaces.login_link import login_link_router
from hedgerow_users.interfaces.mailed_links import links_router
from hedgerow_users.interfaces.own_identities import own_identities_router
from hedgerow_users.interfaces.own_profile import profile_router
from hedgerow_users.interfaces.own_sessions import own_sessions_router
from hedgerow_users.interfaces.second_factor import second_factor_router
from hedgerow_users.interfaces.webhooks import webhooks_router
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
            Permission("users:second_factor:reset", "admin", "Remove the second factor of others"),
            Permission("users:role:assign", "admin", "Give roles below one's own"),
            Permission("users:key:list", "admin", "Look at the API keys of others"),
            Permission("users:key:revoke", "admin", "Revoke the API keys of others"),
        ),
        constraints={
            "uq_accounts_email": EmailTaken,
            "uq_api_keys_rotated_from": KeyAlreadyRotated,
            "uq_identities_subject": IdentityTaken,
            "uq_services_name": ServiceNameTaken,
        },
        concerns=CONCERNS,
    )


@hookimpl
def migrations() -> MigrationHistory:
    """Where our schema comes from."""
    return MigrationHistory("hedgerow_users.infrastructure.migrations")


@hookimpl
def container(core: CoreContainer, settings: UsersSettings) -> UsersContainer:
    """What is wired to what.

    Raises:
        ExceptionGroup: of `UnusableSetting`: no secret where one must be, a provider that can't be believed.
    """
    unusable = list(_unusable(settings, core.environment()))
    if unusable:
        raise ExceptionGroup("settings", unusable)
    return UsersContainer(core=core, settings=settings)


def _unusable(settings: UsersSettings, environment: str) -> Iterator[UnusableSetting]:
    if settings.secret is None and environment != "dev":
        yield UnusableSetting(
            "USERS_SECRET",
            "is not set, and only `dev` makes one for itself",
            fix="set it to what `openssl rand -hex 32` prints: one for all processes, kept like a password",
        )
    for provider in settings.providers or ():
        if provider.issuer == settings.issuer:
            yield UnusableSetting(
                "USERS_PROVIDERS",
                f"names our own issuer, {settings.issuer}",
                fix="leave it out: our own tokens are believed anyway; or change USERS_ISSUER",
            )
        if provider.is_in_the_clear and environment not in ("dev", "test"):
            yield UnusableSetting(
                "USERS_PROVIDERS",
                f"trusts what {provider.name} says over http, and this is {environment}",
                fix="write https:// addresses",
            )


@hookimpl
def handlers(container: UsersContainer) -> Handlers:
    """Our use cases. Those that hash come in through the routes, because no transaction may be open then."""
    send_link, send_notice = container.send_link(), container.send_notice()
    answer_registration = container.answer_registration()
    return Handlers(
        work=container.work,
        commands=written_down(
            CommandHandler(OpenAccount, container.open_account()),
            CommandHandler(OpenAdminAccount, container.open_admin_account()),
            CommandHandler(OpenDemoAccount, container.open_demo_account()),
            CommandHandler(StartSession, container.start_session()),
            CommandHandler(RefuseLogIn, container.refuse_log_in()),
            CommandHandler(RefusePassword, container.refuse_password()),
            CommandHandler(RotateRefreshToken, container.rotate_refresh_token()),
            CommandHandler(LogOut, container.log_out()),
            CommandHandler(LogOutEverywhere, container.log_out_everywhere()),
            CommandHandler(EndSession, container.end_session()),
            CommandHandler(ReplacePassword, container.replace_password()),
            CommandHandler(BeginSecondFactor, container.begin_second_factor()),
            CommandHandler(ConfirmSecondFactor, container.confirm_second_factor()),
            CommandHandler(RenewRecoveryCodes, container.renew_recovery_codes()),
            CommandHandler(RemoveSecondFactor, container.remove_second_factor()),
            CommandHandler(ResetSecondFactor, container.reset_second_factor()),
            CommandHandler(MakeLoginLink, container.make_login_link()),
            CommandHandler(RedeemLoginLink, container.redeem_login_link()),
            CommandHandler(EndEverySession, container.end_every_session()),
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
            CommandHandler(CreateApiKey, container.create_api_key()),
            CommandHandler(RotateApiKey, container.rotate_api_key()),
            CommandHandler(RevokeApiKey, container.revoke_api_key()),
            CommandHandler(RevokeAccountKey, container.revoke_account_key()),
            CommandHandler(RevokeLeakedKey, container.revoke_leaked_key()),
            CommandHandler(CreateService, container.create_service()),
            CommandHandler(RevokeService, container.revoke_service()),
            CommandHandler(ProvisionAccount, container.provision_account()),
            CommandHandler(AddIdentity, container.add_identity()),
            CommandHandler(UnlinkIdentity, container.unlink_identity()),
            CommandHandler(TakeProviderNews, container.take_provider_news()),
            CommandHandler(ImpersonateAccount, container.impersonate_account()),
        ),
        queries=(
            QueryHandler(GetAccount, container.get_account()),
            QueryHandler(ListSessions, container.list_sessions()),
            QueryHandler(ListIdentities, container.list_identities()),
            QueryHandler(LookUpAccount, container.look_up_account()),
            QueryHandler(ListAccounts, container.list_accounts()),
            QueryHandler(ListPublicKeys, container.list_public_keys()),
            QueryHandler(GetSecondFactor, container.get_second_factor()),
            QueryHandler(ListApiKeys, container.list_api_keys()),
            QueryHandler(ListServices, container.list_services()),
        ),
        tasks=(
            OutboundTaskHandler(
                task=SendLink, call=send_link.call, apply=send_link.apply, keep_completed=KEEP_MAIL_TASKS
            ),
            OutboundTaskHandler(
                task=SendNotice, call=send_notice.call, apply=send_notice.apply, keep_completed=KEEP_MAIL_TASKS
            ),
            OutboundTaskHandler(
                task=AnswerRegistration,
                call=answer_registration.call,
                apply=answer_registration.apply,
                keep_completed=KEEP_MAIL_TASKS,
            ),
            TaskHandler(task=PruneSessions, handle=container.prune_sessions()),
        ),
        schedules=(
            Schedule(name="users.prune_sessions", cron="17 * * * *", task=lambda tick: PruneSessions(tick=tick)),
        ),
        answers=ANSWERS,
    )


@hookimpl
def subscriptions() -> Subscriptions:
    """What we tell others."""
    return Subscriptions(publishes=PUBLISHED)


@hookimpl
def routes(container: UsersContainer, bus: Bus) -> Sequence[ContextRouter]:
    """What can be called over HTTP."""
    current = container.current_password(bus=bus)
    proof = container.owner_proof(current_password=current)
    return (
        accounts_router(
            register_user=container.register_user(bus=bus),
            change_password=container.change_password(bus=bus, proof=proof),
        ),
        sessions_router(
            bus,
            log_in=container.guarded_log_in(log_in=container.log_in(bus=bus)),
            refresh_session=container.refresh_session(bus=bus),
            cookies=container.cookies(),
        ),
        login_link_router(log_in=container.log_in_by_link(bus=bus)),
        own_sessions_router(bus),
        links_router(
            bus,
            reset_password=container.reset_password(bus=bus),
            request_email_change=container.request_email_change(bus=bus, proof=proof),
        ),
        profile_router(bus, needs_second_factor=container.settings().second_factor_policy.demands),
        second_factor_router(bus, current_password=current, proof=proof),
        own_identities_router(bus, link_identity=container.link_identity(bus=bus, proof=proof)),
        webhooks_router(container.receive_webhook(bus=bus)),
        administration_router(bus),
        api_keys_router(bus),
        keys_router(bus),
    )


@hookimpl
def grpc_services(container: UsersContainer, bus: Bus) -> Sequence[GrpcService]:
    """What can be called over gRPC."""
    from hedgerow_users.interfaces.grpc import user_service  # only who serves gRPC needs protobuf

    return (user_service(bus),)


@hookimpl
def authenticators(container: UsersContainer) -> Sequence[TokenIssuer | KeyAuthority | CookieMode]:
    """Our own tokens and keys are to be believed, and tokens of the identity providers that the settings name.

    Where settings say so, tokens in a cookie, too.
    """
    settings, keys, revocations = container.settings(), container.signing_keys(), container.revocations()
    return (
        TokenIssuer(
            issuer=settings.issuer,
            audience=settings.audience,
            find_key=keys.find_public,
            is_revoked=revocations.is_revoked,
            keys=keys.known,
            revocations=revocations.known,
        ),
        KeyAuthority(prefix=PREFIX, find=container.key_ring().find),
        *([CookieMode(access_cookie=ACCESS_COOKIE)] if settings.cookies else []),
        *container.provider_issuers().issuers,
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
        await container.provider_issuers().close()
        await asyncio.to_thread(container.hasher().close)


@hookimpl
def checks(container: UsersContainer) -> Sequence[Concern]:
    """What is unwise in our settings, and what lets nobody start."""
    return tuple(concerns(container.settings(), container.core.environment()))


@hookimpl
def seed(container: UsersContainer, bus: Bus) -> Seed:
    """Twenty people for demonstrations, one of them an admin."""
    return container.seed_accounts(bus=bus)


@hookimpl
def impersonate(container: UsersContainer, bus: Bus) -> Impersonation:
    """How an operator is shown what somebody sees."""
    return container.impersonate_by_email(bus=bus)


@hookimpl
def cli(run: CommandRunner) -> typer.Typer:
    """`hedgerow users …`."""
    from hedgerow_users.interfaces.cli import users_cli  # who serves does without a command line
    from hedgerow_users.interfaces.key_cli import api_keys_cli, services_cli

    app = users_cli(
        create_admin=lambda email, password, name: run(
            lambda container, bus: container.create_admin(bus=bus)(email=email, password=password, name=name)
        ),
        list_keys=lambda: run(lambda container, _bus: container.signing_keys().views()),
        rotate_keys=lambda: run(_rotated),
        revoke_key=lambda kid: run(lambda container, _bus: container.signing_keys().revoke(kid)),
        on_bus=lambda work: run(lambda _container, bus: work(bus)),
    )

    def revoke_key(command: RevokeLeakedKey) -> KeyOwner:
        return run(lambda _container, bus: bus.execute(command))

    services = services_cli(
        create=lambda command: run(lambda _container, bus: bus.execute(command)),
        list_all=lambda: run(lambda _container, bus: bus.ask(ListServices())),
        revoke=lambda command: run(lambda _container, bus: bus.execute(command)),
        revoke_key=revoke_key,
    )
    app.add_typer(services, name="services")
    app.add_typer(api_keys_cli(revoke_key=revoke_key), name="api-keys")
    return app


async def _rotated(container: UsersContainer, _bus: Bus) -> Sequence[SigningKeyView]:
    """Whatever the server secret seals is sealed with the current one afterwards."""
    await container.second_factors().reseal(container.second_factor_seal())
    return await container.signing_keys().rotate()
