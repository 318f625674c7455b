"""What the plugin declares is what its docstring lists and what its ports promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from hedgerow_core.persistence import Database
from hedgerow_core.plugin import CoreContainer, UnusableSetting
from hedgerow_core.security import KeyFinder, KeySource, PermissionTable, RevocationCheck
from hedgerow_core.testing import FakeClock
from hedgerow_users import plugin
from hedgerow_users.application import (
    account_ports,
    key_ports,
    link_ports,
    mail_ports,
    password_ports,
    second_factor_ports,
    session_ports,
    token_ports,
    unit_of_work,
)
from hedgerow_users.application.login_guard import CodeGuard
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.identity_provider import IdentityProvider
from hedgerow_users.infrastructure.api_key_repository import DatabaseApiKeyReader
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher
from hedgerow_users.infrastructure.directory import DatabaseAccountDirectory
from hedgerow_users.infrastructure.jwt_access_tokens import JwtAccessTokens
from hedgerow_users.infrastructure.key_ring import KeyRing
from hedgerow_users.infrastructure.known_networks import DatabaseKnownNetworks
from hedgerow_users.infrastructure.links import DatabaseLinks
from hedgerow_users.infrastructure.mail.console_mailer import ConsoleMailer
from hedgerow_users.infrastructure.mail.smtp_mailer import SmtpMailer
from hedgerow_users.infrastructure.readers import DatabaseAccountReader, DatabaseSessionReader
from hedgerow_users.infrastructure.refresh_successors import HmacRefreshSuccessors
from hedgerow_users.infrastructure.revocations import RevocationList
from hedgerow_users.infrastructure.second_factors import DatabaseSecondFactors
from hedgerow_users.infrastructure.signing_keys import SigningKeys
from hedgerow_users.infrastructure.totp import TotpSecrets
from hedgerow_users.infrastructure.work import UsersWork
from hedgerow_users.settings import UsersSettings


def test_the_docstring_lists_every_handler_and_event(container: UsersContainer) -> None:
    handlers, subscriptions = plugin.handlers(container), plugin.subscriptions()
    listed = plugin.__doc__ or ""
    messages = [command.message for command in handlers.commands] + [query.message for query in handlers.queries]
    for message in messages:
        assert message.__name__ in listed
    for event in subscriptions.publishes:
        assert f"{event.event_type} v{event.event_version}" in listed
    for task in handlers.tasks:
        assert task.task.name in listed
    for answered in handlers.answers:
        assert f"{answered.contract.query_name} v{answered.contract.query_version}" in listed
    assert subscriptions.subscribes == ()


def test_the_manifest_maps_the_unique_address_to_its_error() -> None:
    assert plugin.manifest().constraints["uq_accounts_email"]().code == "users.email_taken"


@pytest.mark.parametrize("environment", ["test", "prod"])
def test_outside_dev_nothing_starts_without_a_secret(environment: str, core: CoreContainer) -> None:
    core.environment.override(environment)
    with pytest.RaisesGroup(UnusableSetting) as refused:
        plugin.container(core, UsersSettings())
    (unusable,) = refused.value.exceptions
    assert (unusable.variable, "openssl rand -hex 32" in unusable.fix) == ("USERS_SECRET", True)


@pytest.mark.parametrize(
    ("issuer", "environment", "refused"),
    [
        ("http://127.0.0.1:9", "prod", "over http"),
        ("http://127.0.0.1:9", "test", None),
        ("https://id.acme.example", "prod", None),
        ("https://us.example", "test", "our own issuer"),
    ],
)
def test_a_provider_must_be_believable_where_the_host_runs(
    core: CoreContainer, issuer: str, environment: str, refused: str | None
) -> None:
    core.environment.override(environment)
    acme = IdentityProvider(name="acme", issuer=issuer, audience="here")
    settings = UsersSettings(
        secret=SecretStr("for tests alone, and so it is no secret"), issuer="https://us.example", providers=(acme,)
    )
    if refused is None:
        plugin.container(core, settings)
        return
    with pytest.RaisesGroup(pytest.RaisesExc(UnusableSetting, match=refused)):
        plugin.container(core, settings)


def test_dev_does_without_and_building_it_leaves_no_traces(core: CoreContainer, tmp_path: Path) -> None:
    core.environment.override("dev")
    container = plugin.container(core, UsersSettings())
    plugin.authenticators(container)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def core(database: Database, clock: FakeClock, tmp_path: Path) -> CoreContainer:
    return CoreContainer(context="users", environment="test", data_dir=tmp_path, clock=clock, database=database)


def adapters_fit_their_ports(  # Never called: mypy holds it.
    work: UsersWork,
    reader: DatabaseAccountReader,
    hasher: Argon2Hasher,
    keys: SigningKeys,
    networks: DatabaseKnownNetworks,
    tokens: JwtAccessTokens,
    sessions: DatabaseSessionReader,
    successors: HmacRefreshSuccessors,
    revocations: RevocationList,
    directory: DatabaseAccountDirectory,
    links: DatabaseLinks,
    console: ConsoleMailer,
    smtp: SmtpMailer,
    factors: DatabaseSecondFactors,
    secrets: TotpSecrets,
    guesses: CodeGuard,
    keys_of_programs: DatabaseApiKeyReader,
    ring: KeyRing,
    permissions: PermissionTable,
) -> tuple[
    unit_of_work.UsersUnitOfWork,
    account_ports.AccountReader,
    password_ports.PasswordHasher,
    token_ports.PublicKeys,
    KeySource,
    session_ports.KnownNetworks,
    token_ports.AccessTokens,
    session_ports.SessionReader,
    session_ports.RefreshSuccessors,
    RevocationCheck,
    account_ports.AccountDirectory,
    link_ports.LinkMint,
    mail_ports.Mailer,
    mail_ports.Mailer,
    second_factor_ports.SecondFactorReader,
    second_factor_ports.SecondFactorSecrets,
    second_factor_ports.CodeGuesses,
    key_ports.ApiKeyReader,
    KeyFinder,
    key_ports.ScopeTable,
]:
    found, revoked = keys.find_public, revocations.is_revoked
    ours = work, reader, hasher, keys, found, networks, tokens, sessions, successors, revoked
    adapters = *ours, directory, links, console, smtp, factors, secrets, guesses
    return *adapters, keys_of_programs, ring.find, permissions
