"""What `hedgerow check` says about the settings of users."""

from __future__ import annotations

import pytest

from hedgerow_users.interfaces.concerns import concerns
from hedgerow_users.settings import UsersSettings

GOOD = {
    "USERS_SMTP_URL": "smtps://shop:0a9b8c7d6e5f@mail.shop.example",
    "USERS_MAIL_FROM": "Shop <no-reply@shop.example>",
    "USERS_PAGES_URL": "https://app.shop.example",
    "USERS_SECOND_FACTOR_FOR": "admin",
}


def found(environment: str) -> list[tuple[str, str]]:
    return [(one.number, one.subject) for one in concerns(UsersSettings(), environment)]


@pytest.mark.parametrize(
    ("variable", "value", "number"),
    [
        ("USERS_SMTP_URL", "smtp://mail.shop.example", None),
        ("USERS_SMTP_URL", "smtp://127.0.0.1?starttls=never", None),
        ("USERS_SMTP_URL", "smtp://localhost?starttls=never", None),
        ("USERS_PAGES_URL", "", None),
        ("USERS_SMTP_URL", "", "E501"),
        ("USERS_SMTP_URL", "smtp://mail.shop.example?starttls=never", "W501"),
        ("USERS_SMTP_URL", "smtp://10.0.0.9?starttls=never", "W501"),
        ("USERS_MAIL_FROM", "", "W502"),
        ("USERS_PAGES_URL", "http://app.shop.example", "W503"),
        ("USERS_SECOND_FACTOR_FOR", "", "W504"),
    ],
)
def test_what_keeps_mail_or_gives_accounts_away_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, number: str | None
) -> None:
    for name, good in {**GOOD, variable: value}.items():
        monkeypatch.setenv(name, good)

    assert found("prod") == ([] if number is None else [(number, variable)])


def test_dev_prints_mail_and_so_needs_nobody_who_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, good in {**GOOD, "USERS_SMTP_URL": ""}.items():
        monkeypatch.setenv(name, good)

    assert (found("dev"), found("test")) == ([], [("E501", "USERS_SMTP_URL")])
