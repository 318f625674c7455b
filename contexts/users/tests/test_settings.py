"""Settings come from USERS_* and refuse what would be unsafe."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from hedgerow_users.settings import SmtpAddress, UsersSettings


def test_the_environment_sets_lifetimes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS_ACCESS_TOKEN_LIFETIME_S", "60")
    monkeypatch.setenv("USERS_REFRESH_TOKEN_LIFETIME_DAYS", "7")
    settings = UsersSettings()
    assert settings.access_token_lifetime == timedelta(minutes=1)
    assert settings.refresh_token_lifetime == timedelta(days=7)


@pytest.mark.parametrize("variable", ["USERS_SECRET", "USERS_SECRET_PREVIOUS"])
def test_a_secret_has_32_characters_at_least_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "s" * 31)
    with pytest.raises(ValidationError) as refused:
        UsersSettings()
    assert "s" * 31 not in str(refused.value.errors(include_input=False))
    monkeypatch.setenv(variable, "s" * 32)
    assert "s" * 32 not in repr(UsersSettings())


def test_an_empty_secret_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS_SECRET", "")
    assert UsersSettings().secret is None


@pytest.mark.parametrize("seconds", [0, 301])
def test_an_access_token_lives_for_five_minutes_at_most(seconds: int) -> None:
    with pytest.raises(ValidationError):
        UsersSettings(access_token_lifetime_s=seconds)


@pytest.mark.parametrize(
    ("url", "port", "tls", "starttls"),
    [
        ("smtp://mail.example.org", 587, False, True),
        ("smtp://mail.example.org:25?starttls=always", 25, False, True),
        ("smtp://mail.example.org:25?starttls=never", 25, False, False),
        ("smtps://mail.example.org", 465, True, False),
    ],
)
def test_mail_is_encrypted_unless_that_is_waived(url: str, port: int, tls: bool, starttls: bool) -> None:
    address = SmtpAddress.parse(url)
    assert (address.host, address.port, address.tls, address.starttls) == ("mail.example.org", port, tls, starttls)


def test_a_password_in_a_url_is_read_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS_SMTP_URL", "smtps://me:hu%2Fsh@mail.example.org")
    settings = UsersSettings()
    assert settings.smtp_url is not None
    assert settings.smtp_url.user == "me"
    assert settings.smtp_url.password is not None
    assert settings.smtp_url.password.reveal() == "hu/sh"
    assert str(settings.smtp_url) == "smtps://me:***@mail.example.org:465"
    assert "hu" not in f"{settings.smtp_url!r}{settings!r}"


def test_an_empty_url_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERS_SMTP_URL", "")
    assert UsersSettings().smtp_url is None


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://me:hush@mail.example.org",
        "smtp://me:hush@",
        "smtp://me:hush@mail.example.org:many",
        "smtp://me:hush@mail.example.org/inbox",
        "smtp://me:hush@mail.example.org?starttls=maybe",
        "smtp://me:hush@mail.example.org?starttls=never",
        "smtp://me:hush@mail.example.org?tls=no",
    ],
)
def test_another_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtp|starttls") as refused:
        SmtpAddress.parse(url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["example.org", "javascript:alert(1)", "https://example.org/?x=1", "https://a b"])
def test_pages_are_at_a_plain_web_address(url: str) -> None:
    UsersSettings(pages_url="https://app.example.org/start")
    with pytest.raises(ValidationError):
        UsersSettings(pages_url=url)


def test_a_sender_is_one_line() -> None:
    with pytest.raises(ValidationError):
        UsersSettings(mail_from="Hedgerow <a@b.co>\nBcc: eve@example.org")


def test_roles_that_need_a_second_factor_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert UsersSettings().second_factor_for is None
    monkeypatch.setenv("USERS_SECOND_FACTOR_FOR", "admin, super_admin")
    assert UsersSettings().second_factor_for == ("admin", "super_admin")


@pytest.mark.parametrize("roles", ["user", "admin,user", "gardener", "admin,"])
def test_user_needs_no_second_factor_and_no_role_is_invented(monkeypatch: pytest.MonkeyPatch, roles: str) -> None:
    monkeypatch.setenv("USERS_SECOND_FACTOR_FOR", roles)
    with pytest.raises(ValidationError):
        UsersSettings()


def test_providers_are_read_from_json_and_their_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert UsersSettings().providers is None
    secret = f"whsec_{base64.b64encode(b'hush' * 8).decode()}"
    acme = {"name": "acme", "issuer": "https://id.acme.example", "audience": "us", "webhook_secret": secret}
    monkeypatch.setenv("USERS_PROVIDERS", json.dumps([acme]))

    settings = UsersSettings()

    assert [provider.name for provider in settings.providers or ()] == ["acme"]
    assert secret not in f"{settings!r}{settings.providers}"
    monkeypatch.setenv("USERS_PROVIDERS", json.dumps([acme | {"issuer": "http://id.acme.example"}]))
    with pytest.raises(ValidationError, match=r"\[0\].issuer: https") as refused:
        UsersSettings()
    assert secret not in str(refused.value)
