"""Time-based one-time passwords as authenticator apps make them (RFC 6238: SHA-1, 30 s, 6 digits)."""

from __future__ import annotations

from datetime import datetime
from typing import final

import pyotp
from pyotp.exceptions import OTPVerificationError

from hedgerow_core.domain import Secret
from hedgerow_core.security.seal import Seal
from hedgerow_users.application.second_factor_ports import NewSecret, SecondFactorUnreadable
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.second_factor import SecondFactor

STEPS_OFF = 1
"""A code of the step before or after this one is good, too: clocks differ, and people type (RFC 6238 §5.2)."""


@final
class TotpSecrets:
    """Secrets of 160 bits (RFC 4226 §4), sealed under the account's id (port `SecondFactorSecrets`)."""

    def __init__(self, seal: Seal, issuer: str) -> None:
        self._seal = seal
        self._issuer = issuer

    def make(self, account_id: AccountId, email: Email) -> NewSecret:
        """A fresh secret."""
        text = pyotp.random_base32()
        return NewSecret(
            text=Secret(text),
            uri=Secret(pyotp.TOTP(text).provisioning_uri(name=email.address, issuer_name=self._issuer)),
            sealed=self._seal.close(str(account_id), text.encode()),
        )

    def step_of(self, factor: SecondFactor, code: str, *, at: datetime) -> int | None:
        """The step that a code belongs to. Compares in constant time.

        Raises:
            SecondFactorUnreadable: it is sealed with another secret, or for another account.
        """
        secret = self._seal.open(str(factor.account_id), factor.sealed_secret)
        if secret is None:
            raise SecondFactorUnreadable
        try:
            return pyotp.TOTP(secret.decode()).verify_and_get_timecode(code, for_time=at, valid_window=STEPS_OFF)
        except OTPVerificationError:
            return None
