"""What the plugin declares is what its docstring lists and what its ports promise."""

from __future__ import annotations

from hedgerow_core.security import KeySource
from hedgerow_users import plugin
from hedgerow_users.application import link_ports, ports
from hedgerow_users.container import UsersContainer
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher
from hedgerow_users.infrastructure.directory import DatabaseAccountDirectory
from hedgerow_users.infrastructure.jwt_access_tokens import JwtAccessTokens
from hedgerow_users.infrastructure.links import DatabaseLinks
from hedgerow_users.infrastructure.mail.console_mailer import ConsoleMailer
from hedgerow_users.infrastructure.mail.smtp_mailer import SmtpMailer
from hedgerow_users.infrastructure.readers import DatabaseAccountReader
from hedgerow_users.infrastructure.signing_keys import SigningKeys
from hedgerow_users.infrastructure.work import UsersWork


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
    assert subscriptions.subscribes == ()


def test_the_manifest_maps_the_unique_address_to_its_error() -> None:
    assert plugin.manifest().constraints["uq_accounts_email"]().code == "users.email_taken"


def adapters_fit_their_ports(  # Never called: mypy holds it.
    work: UsersWork,
    reader: DatabaseAccountReader,
    hasher: Argon2Hasher,
    keys: SigningKeys,
    tokens: JwtAccessTokens,
    directory: DatabaseAccountDirectory,
    links: DatabaseLinks,
    console: ConsoleMailer,
    smtp: SmtpMailer,
) -> tuple[
    ports.UsersUnitOfWork,
    ports.AccountReader,
    ports.PasswordHasher,
    ports.PublicKeys,
    KeySource,
    ports.AccessTokens,
    ports.AccountDirectory,
    link_ports.LinkMint,
    ports.Mailer,
    ports.Mailer,
]:
    return work, reader, hasher, keys, keys.find_public, tokens, directory, links, console, smtp
