"""Sessions end once; refresh tokens are random, hashed and die with time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hedgerow_core.domain import Secret, new_id
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.session import RETRY_WITHIN, EndReason, RefreshToken, Session

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def session() -> Session:
    return Session.start(AccountId(new_id()), at=NOW)


def test_the_first_reason_to_end_a_session_stands() -> None:
    ended = session()
    ended.end(EndReason.LOGOUT, at=NOW)
    ended.end(EndReason.TOKEN_REUSED, at=NOW + DAY)
    assert (ended.is_over, ended.end_reason, ended.ended_at) == (True, EndReason.LOGOUT, NOW)


def test_a_token_is_kept_as_its_hash_only() -> None:
    secret, token = RefreshToken.issue(session(), at=NOW, lifetime=DAY)
    assert token.hash == RefreshToken.hash_of(secret)
    assert secret.reveal() not in repr(token)


def test_a_token_has_256_random_bits() -> None:
    of = session()
    secrets = {RefreshToken.issue(of, at=NOW, lifetime=DAY)[0].reveal() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}


def test_a_token_expires_at_the_end_of_its_lifetime() -> None:
    _, token = RefreshToken.issue(session(), at=NOW, lifetime=DAY)
    assert not token.has_expired(NOW + DAY - timedelta(microseconds=1))
    assert token.has_expired(NOW + DAY)


def test_any_text_can_be_looked_up() -> None:
    assert len(RefreshToken.hash_of(Secret("\ud800 no token of ours"))) == 32


def test_a_used_token_may_come_again_for_ten_seconds_from_the_same_program() -> None:
    firefox, curl = (
        Client(user_agent="Firefox", address="192.0.2.1"),
        Client(user_agent="curl", address="192.0.2.1"),
    )
    _, token = RefreshToken.issue(session(), at=NOW, lifetime=DAY)
    used = replace(token, used_at=NOW, used_by=firefox.fingerprint)
    assert not token.may_come_again(firefox, at=NOW), "it was never used"
    assert used.may_come_again(firefox, at=NOW + RETRY_WITHIN)
    assert used.may_come_again(replace(firefox, address="198.51.100.1"), at=NOW), "phones change their address"
    assert not used.may_come_again(firefox, at=NOW + RETRY_WITHIN + timedelta(microseconds=1))
    assert not used.may_come_again(curl, at=NOW)
