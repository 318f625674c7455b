"""What is wired to what. Built once at start; nothing here connects or hashes before it is asked to."""

from __future__ import annotations

from dependency_injector import containers, providers

from hedgerow_users.application.commands.assign_roles import AssignRolesHandler
from hedgerow_users.application.commands.change_password import ChangePassword, ReplacePasswordHandler
from hedgerow_users.application.commands.confirm_email import ConfirmEmailHandler
from hedgerow_users.application.commands.create_account import CreateAccountHandler
from hedgerow_users.application.commands.create_admin import CreateAdmin, OpenAdminAccountHandler
from hedgerow_users.application.commands.deactivate_account import DeactivateAccountHandler
from hedgerow_users.application.commands.delete_account import DeleteAccountHandler
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccountHandler
from hedgerow_users.application.commands.end_session import EndSessionHandler
from hedgerow_users.application.commands.log_in import LogIn, StartSessionHandler
from hedgerow_users.application.commands.log_out import LogOutHandler
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhereHandler
from hedgerow_users.application.commands.reactivate_account import ReactivateAccountHandler
from hedgerow_users.application.commands.refresh_session import RefreshSession, RotateRefreshTokenHandler
from hedgerow_users.application.commands.register_user import OpenAccountHandler, RegisterUser
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHashHandler
from hedgerow_users.application.commands.request_email_change import RequestEmailChange, ReserveEmailChangeHandler
from hedgerow_users.application.commands.request_link import RequestLinkHandler
from hedgerow_users.application.commands.reset_password import ReplaceForgottenPasswordHandler, ResetPassword
from hedgerow_users.application.commands.update_account import UpdateAccountHandler
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfileHandler
from hedgerow_users.application.commands.verify_email import VerifyEmailHandler
from hedgerow_users.application.current_password import PasswordGuesses
from hedgerow_users.application.login_guard import GuardedLogIn
from hedgerow_users.application.queries.get_account import GetAccountHandler
from hedgerow_users.application.queries.list_accounts import ListAccountsHandler
from hedgerow_users.application.queries.list_public_keys import ListPublicKeysHandler
from hedgerow_users.application.queries.list_sessions import ListSessionsHandler
from hedgerow_users.application.queries.look_up_account import LookUpAccountHandler
from hedgerow_users.application.tasks.prune_sessions import PruneSessionsHandler
from hedgerow_users.application.tasks.send_link import SendLinkHandler
from hedgerow_users.application.tasks.send_notice import SendNoticeHandler
from hedgerow_users.domain.link import Purpose
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher
from hedgerow_users.infrastructure.directory import DatabaseAccountDirectory
from hedgerow_users.infrastructure.jwt_access_tokens import JwtAccessTokens
from hedgerow_users.infrastructure.keeping_up import KeepingUp
from hedgerow_users.infrastructure.key_seal import KeySeal
from hedgerow_users.infrastructure.known_networks import DatabaseKnownNetworks
from hedgerow_users.infrastructure.links import DatabaseLinks
from hedgerow_users.infrastructure.mail.choice import mailer_for
from hedgerow_users.infrastructure.readers import DatabaseAccountReader, DatabaseSessionReader
from hedgerow_users.infrastructure.refresh_successors import HmacRefreshSuccessors
from hedgerow_users.infrastructure.revocations import RevocationList
from hedgerow_users.infrastructure.server_secret import ServerSecret
from hedgerow_users.infrastructure.signing_key_store import SigningKeyStore
from hedgerow_users.infrastructure.signing_keys import SigningKeys
from hedgerow_users.infrastructure.work import UsersWork
from hedgerow_users.settings import UsersSettings


class UsersContainer(containers.DeclarativeContainer):
    """The object graph of this context."""

    core = providers.DependenciesContainer()
    settings: providers.Dependency[UsersSettings] = providers.Dependency(instance_of=UsersSettings)

    work = providers.Factory(UsersWork, context=core.context, clock=core.clock)
    """Called with a connection for every transaction."""

    server_secret = providers.ThreadSafeSingleton(
        ServerSecret, settings.provided.secret, settings.provided.secret_previous, folder=core.data_dir
    )
    accounts = providers.ThreadSafeSingleton(DatabaseAccountReader, database=core.database)
    known_networks = providers.ThreadSafeSingleton(DatabaseKnownNetworks, database=core.database)
    sessions = providers.ThreadSafeSingleton(DatabaseSessionReader, database=core.database)
    directory = providers.ThreadSafeSingleton(DatabaseAccountDirectory, database=core.database)
    links = providers.ThreadSafeSingleton(DatabaseLinks, database=core.database)
    mailer = providers.ThreadSafeSingleton(
        mailer_for,
        environment=core.environment,
        clock=core.clock,
        address=settings.provided.smtp_url,
        sender=settings.provided.mail_from,
    )
    """Built when a process begins to serve: only who lists and checks does without."""
    hasher = providers.ThreadSafeSingleton(Argon2Hasher, queue=settings.provided.hashing_queue)
    key_store = providers.ThreadSafeSingleton(
        SigningKeyStore,
        database=core.database,
        seal=providers.Factory(KeySeal, secret=server_secret),
        clock=core.clock,
    )
    signing_keys = providers.ThreadSafeSingleton(SigningKeys, store=key_store, clock=core.clock)
    revocations = providers.ThreadSafeSingleton(RevocationList, database=core.database)
    keeping_up = providers.Factory(KeepingUp, revocations=revocations, keys=signing_keys)
    access_tokens = providers.ThreadSafeSingleton(
        JwtAccessTokens,
        keys=signing_keys,
        clock=core.clock,
        issuer=settings.provided.issuer,
        audience=settings.provided.audience,
        lifetime=settings.provided.access_token_lifetime,
    )

    # What the edge calls; built with the bus where the routes are.
    register_user = providers.Factory(RegisterUser, hasher=hasher)
    guarded_log_in = providers.Factory(
        GuardedLogIn, limiter=core.limiter, networks=known_networks, clock=core.clock
    )
    create_admin = providers.Factory(CreateAdmin, hasher=hasher)
    log_in = providers.Factory(LogIn, accounts=accounts, hasher=hasher, access_tokens=access_tokens)
    refresh_session = providers.Factory(RefreshSession, access_tokens=access_tokens)
    password_guesses = providers.Factory(PasswordGuesses, limiter=core.limiter)
    change_password = providers.Factory(ChangePassword, accounts=accounts, hasher=hasher, guesses=password_guesses)
    reset_password = providers.Factory(
        ResetPassword, links=links, accounts=accounts, hasher=hasher, clock=core.clock
    )
    request_email_change = providers.Factory(
        RequestEmailChange, accounts=accounts, hasher=hasher, guesses=password_guesses
    )

    # What the bus calls.
    open_account = providers.Singleton(OpenAccountHandler, clock=core.clock)
    open_admin_account = providers.Singleton(OpenAdminAccountHandler, clock=core.clock)
    start_session = providers.Singleton(
        StartSessionHandler,
        clock=core.clock,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
        require_verified_email=settings.provided.require_verified_email,
    )
    rotate_refresh_token = providers.Singleton(
        RotateRefreshTokenHandler,
        clock=core.clock,
        successors=providers.Factory(HmacRefreshSuccessors, secret=server_secret),
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
        session_lifetime=settings.provided.session_lifetime,
    )
    log_out = providers.Singleton(LogOutHandler, clock=core.clock)
    log_out_everywhere = providers.Singleton(LogOutEverywhereHandler, clock=core.clock)
    end_session = providers.Singleton(EndSessionHandler, clock=core.clock)
    list_sessions = providers.Singleton(
        ListSessionsHandler,
        sessions=sessions,
        clock=core.clock,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
        session_lifetime=settings.provided.session_lifetime,
    )
    renew_password_hash = providers.Singleton(RenewPasswordHashHandler)
    replace_password = providers.Singleton(ReplacePasswordHandler, clock=core.clock)
    get_account = providers.Singleton(GetAccountHandler, accounts=accounts)
    list_public_keys = providers.Singleton(ListPublicKeysHandler, keys=signing_keys)
    request_link = providers.Singleton(RequestLinkHandler, clock=core.clock)
    verify_email = providers.Singleton(VerifyEmailHandler, clock=core.clock)
    replace_forgotten_password = providers.Singleton(ReplaceForgottenPasswordHandler, clock=core.clock)
    reserve_email_change = providers.Singleton(ReserveEmailChangeHandler, clock=core.clock)
    confirm_email = providers.Singleton(ConfirmEmailHandler, clock=core.clock)
    update_own_profile = providers.Singleton(UpdateOwnProfileHandler, clock=core.clock)
    delete_own_account = providers.Singleton(DeleteOwnAccountHandler, clock=core.clock)
    create_account = providers.Singleton(CreateAccountHandler, clock=core.clock)
    update_account = providers.Singleton(UpdateAccountHandler, clock=core.clock)
    deactivate_account = providers.Singleton(DeactivateAccountHandler, clock=core.clock)
    reactivate_account = providers.Singleton(ReactivateAccountHandler, clock=core.clock)
    delete_account = providers.Singleton(DeleteAccountHandler, clock=core.clock)
    assign_roles = providers.Singleton(AssignRolesHandler, clock=core.clock)
    look_up_account = providers.Singleton(LookUpAccountHandler, accounts=accounts)
    list_accounts = providers.Singleton(ListAccountsHandler, directory=directory)

    # What workers call.
    send_link = providers.Singleton(
        SendLinkHandler,
        links=links,
        mailer=mailer.provider,
        clock=core.clock,
        lifetimes=providers.Dict(
            {
                Purpose.VERIFY_EMAIL: settings.provided.verify_link_lifetime,
                Purpose.CHANGE_EMAIL: settings.provided.verify_link_lifetime,
                Purpose.RESET_PASSWORD: settings.provided.reset_link_lifetime,
            }
        ),
        pages_url=settings.provided.pages_url,
    )
    send_notice = providers.Singleton(SendNoticeHandler, mailer=mailer.provider)
    prune_sessions = providers.Singleton(
        PruneSessionsHandler, clock=core.clock, session_lifetime=settings.provided.session_lifetime
    )
