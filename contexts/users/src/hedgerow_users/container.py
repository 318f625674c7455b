"""What is wired to what. Built once at start; nothing here connects or hashes before it is asked to."""

from __future__ import annotations

from dependency_injector import containers, providers

from hedgerow_core.security.seal import Seal
from hedgerow_users.application.commands.assign_roles import AssignRolesHandler
from hedgerow_users.application.commands.begin_second_factor import BeginSecondFactorHandler
from hedgerow_users.application.commands.change_password import ChangePassword, ReplacePasswordHandler
from hedgerow_users.application.commands.confirm_email import ConfirmEmailHandler
from hedgerow_users.application.commands.confirm_second_factor import ConfirmSecondFactorHandler
from hedgerow_users.application.commands.create_account import CreateAccountHandler
from hedgerow_users.application.commands.create_admin import CreateAdmin, OpenAdminAccountHandler
from hedgerow_users.application.commands.create_api_key import CreateApiKeyHandler
from hedgerow_users.application.commands.create_service import CreateServiceHandler
from hedgerow_users.application.commands.deactivate_account import DeactivateAccountHandler
from hedgerow_users.application.commands.delete_account import DeleteAccountHandler
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccountHandler
from hedgerow_users.application.commands.end_every_session import EndEverySessionHandler
from hedgerow_users.application.commands.end_session import EndSessionHandler
from hedgerow_users.application.commands.impersonate_account import ImpersonateAccountHandler, ImpersonateByEmail
from hedgerow_users.application.commands.link_identity import AddIdentityHandler, LinkIdentity
from hedgerow_users.application.commands.log_in import LogIn, StartSessionHandler
from hedgerow_users.application.commands.log_in_by_link import LogInByLink, RedeemLoginLinkHandler
from hedgerow_users.application.commands.log_out import LogOutHandler
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhereHandler
from hedgerow_users.application.commands.make_login_link import MakeLoginLinkHandler
from hedgerow_users.application.commands.open_demo_account import OpenDemoAccountHandler
from hedgerow_users.application.commands.provision_account import (
    ProvisionAccountHandler,
    RecognizeIdentity,
)
from hedgerow_users.application.commands.reactivate_account import ReactivateAccountHandler
from hedgerow_users.application.commands.receive_webhook import ReceiveWebhook
from hedgerow_users.application.commands.refresh_session import RefreshSession, RotateRefreshTokenHandler
from hedgerow_users.application.commands.refuse_log_in import RefuseLogInHandler
from hedgerow_users.application.commands.refuse_password import RefusePasswordHandler
from hedgerow_users.application.commands.register_user import OpenAccountHandler, RegisterUser
from hedgerow_users.application.commands.remove_second_factor import RemoveSecondFactorHandler
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHashHandler
from hedgerow_users.application.commands.renew_recovery_codes import RenewRecoveryCodesHandler
from hedgerow_users.application.commands.request_email_change import RequestEmailChange, ReserveEmailChangeHandler
from hedgerow_users.application.commands.request_link import RequestLinkHandler
from hedgerow_users.application.commands.reset_password import ReplaceForgottenPasswordHandler, ResetPassword
from hedgerow_users.application.commands.reset_second_factor import ResetSecondFactorHandler
from hedgerow_users.application.commands.revoke_account_key import RevokeAccountKeyHandler
from hedgerow_users.application.commands.revoke_api_key import RevokeApiKeyHandler
from hedgerow_users.application.commands.revoke_leaked_key import RevokeLeakedKeyHandler
from hedgerow_users.application.commands.revoke_service import RevokeServiceHandler
from hedgerow_users.application.commands.rotate_api_key import RotateApiKeyHandler
from hedgerow_users.application.commands.take_provider_news import TakeProviderNewsHandler
from hedgerow_users.application.commands.unlink_identity import UnlinkIdentityHandler
from hedgerow_users.application.commands.update_account import UpdateAccountHandler
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfileHandler
from hedgerow_users.application.commands.verify_email import VerifyEmailHandler
from hedgerow_users.application.current_password import CurrentPassword
from hedgerow_users.application.demo_accounts import SeedAccounts
from hedgerow_users.application.login_guard import CodeGuard, GuardedLogIn
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.queries.get_account import GetAccountHandler
from hedgerow_users.application.queries.get_second_factor import GetSecondFactorHandler
from hedgerow_users.application.queries.list_accounts import ListAccountsHandler
from hedgerow_users.application.queries.list_api_keys import ListApiKeysHandler
from hedgerow_users.application.queries.list_identities import ListIdentitiesHandler
from hedgerow_users.application.queries.list_public_keys import ListPublicKeysHandler
from hedgerow_users.application.queries.list_services import ListServicesHandler
from hedgerow_users.application.queries.list_sessions import ListSessionsHandler
from hedgerow_users.application.queries.look_up_account import LookUpAccountHandler
from hedgerow_users.application.second_proof import SecondProof
from hedgerow_users.application.starting import SessionStart
from hedgerow_users.application.tasks.answer_registration import AnswerRegistrationHandler
from hedgerow_users.application.tasks.prune_sessions import PruneSessionsHandler
from hedgerow_users.application.tasks.send_link import SendLinkHandler
from hedgerow_users.application.tasks.send_notice import SendNoticeHandler
from hedgerow_users.domain.link import Purpose
from hedgerow_users.infrastructure.api_key_repository import DatabaseApiKeyReader
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher
from hedgerow_users.infrastructure.directory import DatabaseAccountDirectory
from hedgerow_users.infrastructure.identities import DatabaseIdentityReader
from hedgerow_users.infrastructure.jwt_access_tokens import JwtAccessTokens
from hedgerow_users.infrastructure.keeping_up import KeepingUp
from hedgerow_users.infrastructure.key_ring import KeyRing
from hedgerow_users.infrastructure.key_uses import KeyUses
from hedgerow_users.infrastructure.known_networks import DatabaseKnownNetworks
from hedgerow_users.infrastructure.links import DatabaseLinks
from hedgerow_users.infrastructure.mail.choice import mailer_for
from hedgerow_users.infrastructure.own_transaction import OwnTransaction
from hedgerow_users.infrastructure.provider_issuers import ProviderIssuers
from hedgerow_users.infrastructure.readers import DatabaseAccountReader, DatabaseSessionReader
from hedgerow_users.infrastructure.refresh_successors import HmacRefreshSuccessors
from hedgerow_users.infrastructure.registration_warnings import DatabaseRegistrationWarnings
from hedgerow_users.infrastructure.revocations import RevocationList
from hedgerow_users.infrastructure.second_factors import DatabaseSecondFactors
from hedgerow_users.infrastructure.server_secret import Purpose as SecretPurpose
from hedgerow_users.infrastructure.server_secret import users_secret
from hedgerow_users.infrastructure.signing_key_store import SigningKeyStore
from hedgerow_users.infrastructure.signing_keys import SigningKeys
from hedgerow_users.infrastructure.totp import TotpSecrets
from hedgerow_users.infrastructure.work import UsersWork
from hedgerow_users.interfaces.cookies import Cookies
from hedgerow_users.settings import UsersSettings


class UsersContainer(containers.DeclarativeContainer):
    """The object graph of this context."""

    core = providers.DependenciesContainer()
    settings: providers.Dependency[UsersSettings] = providers.Dependency(instance_of=UsersSettings)

    work = providers.Factory(UsersWork, context=core.context, clock=core.clock)
    """Called with a connection for every transaction."""

    server_secret = providers.ThreadSafeSingleton(
        users_secret, settings.provided.secret, settings.provided.secret_previous, folder=core.data_dir
    )
    accounts = providers.ThreadSafeSingleton(DatabaseAccountReader, database=core.database)
    known_networks = providers.ThreadSafeSingleton(DatabaseKnownNetworks, database=core.database)
    registration_warnings = providers.ThreadSafeSingleton(DatabaseRegistrationWarnings, database=core.database)
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
        seal=providers.Factory(Seal, secret=server_secret, purpose=SecretPurpose.SIGNING_KEY_SEAL),
        clock=core.clock,
    )
    signing_keys = providers.ThreadSafeSingleton(SigningKeys, store=key_store, clock=core.clock)
    revocations = providers.ThreadSafeSingleton(RevocationList, database=core.database)
    key_uses = providers.ThreadSafeSingleton(KeyUses, database=core.database)
    key_ring = providers.ThreadSafeSingleton(
        KeyRing,
        database=core.database,
        limiter=core.limiter,
        clock=core.clock,
        uses=key_uses,
        require_verified_email=settings.provided.require_verified_email,
    )
    api_keys = providers.ThreadSafeSingleton(DatabaseApiKeyReader, database=core.database)
    keeping_up = providers.Factory(KeepingUp, revocations=revocations, keys=signing_keys, key_uses=key_uses)
    access_tokens = providers.ThreadSafeSingleton(
        JwtAccessTokens,
        keys=signing_keys,
        clock=core.clock,
        issuer=settings.provided.issuer,
        audience=settings.provided.audience,
        lifetime=settings.provided.access_token_lifetime,
    )

    second_factors = providers.ThreadSafeSingleton(DatabaseSecondFactors, database=core.database)
    second_factor_seal = providers.Factory(Seal, secret=server_secret, purpose=SecretPurpose.SECOND_FACTOR_SEAL)
    second_factor_secrets = providers.Factory(TotpSecrets, seal=second_factor_seal, issuer=settings.provided.issuer)
    second_proof = providers.Factory(SecondProof, secrets=second_factor_secrets, clock=core.clock)
    code_guard = providers.Factory(CodeGuard, limiter=core.limiter)
    session_start = providers.Factory(
        SessionStart,
        clock=core.clock,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
        proof=second_proof,
        policy=settings.provided.second_factor_policy,
        require_verified_email=settings.provided.require_verified_email,
    )

    cookies = providers.ThreadSafeSingleton(
        Cookies,
        enabled=settings.provided.cookies,
        origins=core.origins,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
    )

    # Who is introduced by identity providers.
    identities = providers.ThreadSafeSingleton(DatabaseIdentityReader, database=core.database)
    provision_account = providers.Singleton(ProvisionAccountHandler, clock=core.clock)
    provider_issuers = providers.ThreadSafeSingleton(
        ProviderIssuers,
        providers=settings.provided.providers,
        policy=settings.provided.second_factor_policy,
        recognize=providers.Factory(
            RecognizeIdentity,
            identities=identities,
            provision=providers.Factory(
                OwnTransaction, database=core.database, work=work.provider, handle=provision_account
            ),
        ),
        clock=core.clock,
    )

    take_provider_news = providers.Singleton(TakeProviderNewsHandler, clock=core.clock)

    # What the edge calls; built with the bus where the routes are.
    register_user = providers.Factory(RegisterUser, hasher=hasher)
    guarded_log_in = providers.Factory(
        GuardedLogIn, hasher=hasher, limiter=core.limiter, networks=known_networks, clock=core.clock
    )
    create_admin = providers.Factory(CreateAdmin, hasher=hasher)
    impersonate_by_email = providers.Factory(ImpersonateByEmail, accounts=accounts, access_tokens=access_tokens)
    seed_accounts = providers.Factory(SeedAccounts, hasher=hasher, accounts=accounts)
    log_in = providers.Factory(
        LogIn, accounts=accounts, hasher=hasher, access_tokens=access_tokens, guesses=code_guard
    )
    log_in_by_link = providers.Factory(
        LogInByLink, links=links, access_tokens=access_tokens, guesses=code_guard, clock=core.clock
    )
    owner_proof = providers.Factory(OwnerProof, guesses=code_guard)
    refresh_session = providers.Factory(RefreshSession, access_tokens=access_tokens)
    current_password = providers.Factory(CurrentPassword, accounts=accounts, hasher=hasher, limiter=core.limiter)
    change_password = providers.Factory(ChangePassword, accounts=accounts, hasher=hasher)
    reset_password = providers.Factory(
        ResetPassword, links=links, accounts=accounts, hasher=hasher, clock=core.clock
    )
    request_email_change = providers.Factory(RequestEmailChange)
    receive_webhook = providers.Factory(ReceiveWebhook, providers=settings.provided.providers, clock=core.clock)
    link_identity = providers.Factory(LinkIdentity, tokens=provider_issuers)

    # What the bus calls.
    open_account = providers.Singleton(OpenAccountHandler, clock=core.clock)
    open_admin_account = providers.Singleton(OpenAdminAccountHandler, clock=core.clock)
    open_demo_account = providers.Singleton(OpenDemoAccountHandler, clock=core.clock)
    start_session = providers.Singleton(StartSessionHandler, start=session_start)
    rotate_refresh_token = providers.Singleton(
        RotateRefreshTokenHandler,
        clock=core.clock,
        successors=providers.Factory(HmacRefreshSuccessors, secret=server_secret),
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
        policy=settings.provided.second_factor_policy,
        session_lifetime=settings.provided.session_lifetime,
    )
    log_out = providers.Singleton(LogOutHandler, clock=core.clock)
    log_out_everywhere = providers.Singleton(LogOutEverywhereHandler, clock=core.clock)
    refuse_password = providers.Singleton(RefusePasswordHandler)
    refuse_log_in = providers.Singleton(RefuseLogInHandler)
    end_session = providers.Singleton(EndSessionHandler, clock=core.clock)
    list_sessions = providers.Singleton(
        ListSessionsHandler,
        sessions=sessions,
        clock=core.clock,
        refresh_token_lifetime=settings.provided.refresh_token_lifetime,
        session_lifetime=settings.provided.session_lifetime,
    )
    renew_password_hash = providers.Singleton(RenewPasswordHashHandler)
    replace_password = providers.Singleton(ReplacePasswordHandler, proof=second_proof, clock=core.clock)
    get_account = providers.Singleton(GetAccountHandler, accounts=accounts)
    list_public_keys = providers.Singleton(ListPublicKeysHandler, keys=signing_keys)
    request_link = providers.Singleton(RequestLinkHandler, clock=core.clock)
    verify_email = providers.Singleton(VerifyEmailHandler, clock=core.clock)
    replace_forgotten_password = providers.Singleton(ReplaceForgottenPasswordHandler, clock=core.clock)
    reserve_email_change = providers.Singleton(ReserveEmailChangeHandler, proof=second_proof, clock=core.clock)
    confirm_email = providers.Singleton(ConfirmEmailHandler, clock=core.clock)
    update_own_profile = providers.Singleton(UpdateOwnProfileHandler, clock=core.clock)
    delete_own_account = providers.Singleton(DeleteOwnAccountHandler, clock=core.clock)
    create_account = providers.Singleton(CreateAccountHandler, clock=core.clock)
    update_account = providers.Singleton(UpdateAccountHandler, clock=core.clock)
    deactivate_account = providers.Singleton(DeactivateAccountHandler, clock=core.clock)
    reactivate_account = providers.Singleton(ReactivateAccountHandler, clock=core.clock)
    delete_account = providers.Singleton(DeleteAccountHandler, clock=core.clock)
    assign_roles = providers.Singleton(AssignRolesHandler, clock=core.clock)
    add_identity = providers.Singleton(AddIdentityHandler, proof=second_proof, clock=core.clock)
    unlink_identity = providers.Singleton(UnlinkIdentityHandler)
    list_identities = providers.Singleton(ListIdentitiesHandler, identities=identities)
    look_up_account = providers.Singleton(LookUpAccountHandler, accounts=accounts)
    list_accounts = providers.Singleton(ListAccountsHandler, directory=directory)
    begin_second_factor = providers.Singleton(
        BeginSecondFactorHandler, secrets=second_factor_secrets, clock=core.clock
    )
    confirm_second_factor = providers.Singleton(
        ConfirmSecondFactorHandler, secrets=second_factor_secrets, clock=core.clock
    )
    renew_recovery_codes = providers.Singleton(RenewRecoveryCodesHandler, proof=second_proof)
    remove_second_factor = providers.Singleton(RemoveSecondFactorHandler, proof=second_proof, clock=core.clock)
    reset_second_factor = providers.Singleton(ResetSecondFactorHandler, clock=core.clock)
    make_login_link = providers.Singleton(MakeLoginLinkHandler, clock=core.clock)
    redeem_login_link = providers.Singleton(RedeemLoginLinkHandler, start=session_start, clock=core.clock)
    end_every_session = providers.Singleton(EndEverySessionHandler, clock=core.clock)
    get_second_factor = providers.Singleton(GetSecondFactorHandler, factors=second_factors)
    impersonate_account = providers.Singleton(ImpersonateAccountHandler)
    create_api_key = providers.Singleton(
        CreateApiKeyHandler,
        clock=core.clock,
        scopes=core.permissions,
        require_verified_email=settings.provided.require_verified_email,
    )
    rotate_api_key = providers.Singleton(RotateApiKeyHandler, clock=core.clock, scopes=core.permissions)
    revoke_api_key = providers.Singleton(RevokeApiKeyHandler, clock=core.clock)
    revoke_account_key = providers.Singleton(RevokeAccountKeyHandler, clock=core.clock)
    revoke_leaked_key = providers.Singleton(RevokeLeakedKeyHandler, clock=core.clock)
    create_service = providers.Singleton(CreateServiceHandler, clock=core.clock, scopes=core.permissions)
    revoke_service = providers.Singleton(RevokeServiceHandler, clock=core.clock)
    list_services = providers.Singleton(ListServicesHandler, keys=api_keys, clock=core.clock)
    list_api_keys = providers.Singleton(ListApiKeysHandler, keys=api_keys, clock=core.clock)

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
    answer_registration = providers.Singleton(
        AnswerRegistrationHandler,
        accounts=accounts,
        warnings=registration_warnings,
        send_link=send_link,
        mailer=mailer.provider,
        clock=core.clock,
    )
    prune_sessions = providers.Singleton(
        PruneSessionsHandler, clock=core.clock, session_lifetime=settings.provided.session_lifetime
    )
