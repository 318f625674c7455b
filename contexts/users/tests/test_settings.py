"""Settings come from USERS_* and refuse what would be unsafe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from hedgerow_users.settings import UsersSettings


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
