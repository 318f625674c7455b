"""Codes are those of RFC 6238, and a secret opens for its own account and server secret only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr

from hedgerow_core.domain import new_id
from hedgerow_core.security.seal import Seal
from hedgerow_users.application.second_factor_ports import SecondFactorUnreadable
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.second_factor import SecondFactor
from hedgerow_users.infrastructure.server_secret import Purpose, users_secret
from hedgerow_users.infrastructure.totp import TotpSecrets

OLD, NEW = SecretStr("the secret of last year, long enough"), SecretStr("the secret of this year, long enough")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ADA, EVE = AccountId(new_id()), AccountId(new_id())

RFC_6238_APPENDIX_B = [  # SHA-1, the last six of eight digits
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]
KEY_OF_THE_RFC = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def seal(secret: SecretStr = OLD, previous: SecretStr | None = None) -> Seal:
    return Seal(users_secret(secret, previous, folder=Path("nowhere")), Purpose.SECOND_FACTOR_SEAL)


def secrets(secret: SecretStr = OLD, previous: SecretStr | None = None) -> TotpSecrets:
    return TotpSecrets(seal(secret, previous), issuer="garden")


def factor(sealed: bytes, account_id: AccountId = ADA) -> SecondFactor:
    return SecondFactor(account_id=account_id, sealed_secret=sealed, begun_at=NOW)


@pytest.mark.parametrize(("moment", "code"), RFC_6238_APPENDIX_B)
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    stored = factor(seal().close(str(ADA), KEY_OF_THE_RFC))
    at = datetime.fromtimestamp(moment, UTC)
    assert secrets().step_of(stored, code, at=at) == moment // 30
    assert secrets().step_of(stored, str((int(code) + 1) % 1_000_000).zfill(6), at=at) is None


def test_a_secret_has_160_bits_and_its_uri_names_issuer_and_address() -> None:
    made = secrets().make(ADA, Email("ada@example.org"))
    uri = pyotp.parse_uri(made.uri.reveal())
    assert (len(made.text.reveal()), uri.secret) == (32, made.text.reveal())
    assert (uri.issuer, uri.name) == ("garden", "ada@example.org")
    assert made.text.reveal() not in repr(made)
    assert made.text.reveal().encode() not in made.sealed


def test_a_secret_opens_for_its_account_under_its_server_secret_only() -> None:
    made = secrets().make(ADA, Email("ada@example.org"))
    code = pyotp.TOTP(made.text.reveal()).at(NOW)
    for good in (secrets(), secrets(NEW, previous=OLD)):
        assert good.step_of(factor(made.sealed), code, at=NOW) is not None
    signing = Seal(users_secret(OLD, None, folder=Path("nowhere")), Purpose.SIGNING_KEY_SEAL)
    for bad, whose in ((secrets(NEW), ADA), (secrets(), EVE), (TotpSecrets(signing, issuer="garden"), ADA)):
        with pytest.raises(SecondFactorUnreadable):
            bad.step_of(factor(made.sealed, whose), code, at=NOW)
