"""What `hedgerow check` says about the settings of users, to whoever runs it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from hedgerow_core.application.concerns import Concern, ConcernKind
from hedgerow_users.settings import SmtpAddress, UsersSettings

CONCERNS = (
    ConcernKind(
        number="E501",
        what="`USERS_SMTP_URL` is missing outside of `dev`: `api` and `worker` don't start.",
        fix="Set it.",
        in_production=False,
    ),
    ConcernKind(
        number="W501",
        what="Mail goes to another machine in the clear.",
        fix="`smtps://`, or `smtp://` without `?starttls=never`.",
    ),
    ConcernKind(
        number="W502",
        what="Mail comes from `no-reply@localhost`.",
        fix="Set `USERS_MAIL_FROM`.",
    ),
    ConcernKind(
        number="W503",
        what="Links in mails lead to pages over `http://`.",
        fix="`https://` in `USERS_PAGES_URL`.",
    ),
    ConcernKind(
        number="W504",
        what="No role needs a second factor.",
        fix="`USERS_SECOND_FACTOR_FOR=admin`, once admins have one.",
    ),
)
"""What each number stands for."""


def concerns(settings: UsersSettings, environment: str) -> Iterator[Concern]:
    """Whatever keeps mail from leaving, or gives accounts away."""
    if settings.smtp_url is None and environment != "dev":
        yield Concern(
            number="E501",
            subject="USERS_SMTP_URL",
            what="is not set, and only `dev` prints mail: `api` and `worker` won't start",
            fix="set it to smtp://user:password@host:587 or smtps://user:password@host",
            in_production=False,
        )
    if settings.smtp_url is not None and _is_open(settings.smtp_url):
        yield Concern(
            number="W501",
            subject="USERS_SMTP_URL",
            what="hands mail to another machine in the clear, with links in it that open accounts",
            fix="use smtps://, or smtp:// without ?starttls=never",
        )
    if settings.mail_from == UsersSettings.model_fields["mail_from"].default:
        yield Concern(
            number="W502",
            subject="USERS_MAIL_FROM",
            what="is not set: mail from no-reply@localhost is taken for spam, or not at all",
            fix="set it to an address of your domain, such as Shop <no-reply@shop.example>",
        )
    if settings.pages_url is not None and settings.pages_url.startswith("http://"):
        yield Concern(
            number="W503",
            subject="USERS_PAGES_URL",
            what="leads to pages in the clear: whoever is between can rewrite them, and read what is typed there",
            fix="use https://",
        )
    if not settings.second_factor_for:
        yield Concern(
            number="W504",
            subject="USERS_SECOND_FACTOR_FOR",
            what="is not set: one password that leaks is enough to act as an admin",
            fix="set it to admin, which means those above, too; first let every admin set up a second factor",
        )


def _is_open(address: SmtpAddress) -> bool:
    """Whether mail crosses a network unencrypted."""
    if address.tls or address.starttls or address.host == "localhost":
        return False
    try:
        return not ip_address(address.host).is_loopback
    except ValueError:
        return True
