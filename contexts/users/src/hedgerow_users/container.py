"""What is wired to what. Built once at start; nothing here connects or hashes before it is asked to."""

from __future__ import annotations

from dependency_injector import containers, providers

from hedgerow_users.application.commands.change_password import ChangePassword, ReplacePasswordHandler
from hedgerow_users.application.commands.create_admin import CreateAdmin, OpenAdminAccountHandler
from hedgerow_users.application.commands.end_session import EndSessionHandler
from hedgerow_users.application.commands.log_in import LogIn, StartSessionHandler
from hedgerow_users.application.commands.log_out import LogOutHandler
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhereHandler
from hedgerow_users.application.commands.refresh_session import RefreshSession, RotateRefreshTokenHandler
from hedgerow_users.application.commands.register_user import OpenAccountHandler, RegisterUser
from hedgerow_users.application.login_guard import GuardedLogIn
from hedgerow_users.application.queries.get_account import GetAccountHandler
from hedgerow_users.application.queries.list_public_keys import ListPublicKeysHandler
from hedgerow_users.application.queries.list_sessions import ListSessionsHandler
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher
from hedgerow_users.infrastructure.jwt_access_tokens import JwtAccessTokens
from hedgerow_users.infrastructure.keeping_up import KeepingUp
from hedgerow_users.infrastructure.key_seal import KeySeal
from hedgerow_users.infrastructure.known_networks import DatabaseKnownNetworks
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
    change_password = providers.Factory(ChangePassword, accounts=accounts, hasher=hasher)

    # What the bus calls.
    open_account = providers.Singleton(OpenAccountHandler, clock=core.clock)
    open_admin_account = providers.Singleton(OpenAdminAccountHandler, clock=core.clock)
    start_session = providers.Singleton(
        StartSessionHandler,
        clock=core.clock,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
    )
    rotate_refresh_token = providers.Singleton(
        RotateRefreshTokenHandler,
        clock=core.clock,
        successors=providers.Factory(HmacRefreshSuccessors, secret=server_secret),
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
    )
    log_out = providers.Singleton(LogOutHandler, clock=core.clock)
    log_out_everywhere = providers.Singleton(LogOutEverywhereHandler, clock=core.clock)
    end_session = providers.Singleton(EndSessionHandler, clock=core.clock)
    list_sessions = providers.Singleton(
        ListSessionsHandler,
        sessions=sessions,
        clock=core.clock,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
    )
    replace_password = providers.Singleton(ReplacePasswordHandler, clock=core.clock)
    get_account = providers.Singleton(GetAccountHandler, accounts=accounts)
    list_public_keys = providers.Singleton(ListPublicKeysHandler, keys=signing_keys)
