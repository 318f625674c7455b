"""What goes over the wire about second factors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from hedgerow_core.domain import Secret
from hedgerow_core.http import HttpModel
from hedgerow_users.application.second_factor_ports import NewSecret, SecondFactorView
from hedgerow_users.interfaces.schemas import Body, PresentedCode, PresentedPassword


class PasswordProofBody(Body):
    """The password as proof."""

    current_password: PresentedPassword


class SecondFactorCodeBody(Body):
    """A code that the app shows."""

    code: PresentedCode


class BothProofsBody(PasswordProofBody):
    """The password and a code as proof."""

    code: PresentedCode


class NewSecretAnswer(HttpModel):
    """A secret for an authenticator app. Shown once."""

    secret: str = Field(description="To be typed into the app.", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
    otpauth_uri: str = Field(
        description="To be shown as a QR code.",
        examples=["otpauth://totp/hedgerow-users:ada@example.org?secret=JBSWY3DPEHPK3PXP&issuer=hedgerow-users"],
    )

    @classmethod
    def of(cls, secret: NewSecret) -> NewSecretAnswer:
        """The answer that hands out this secret."""
        return cls(secret=secret.text.reveal(), otpauth_uri=secret.uri.reveal())


class RecoveryCodesAnswer(HttpModel):
    """Codes for the day the app is lost, each good once. Shown once."""

    recovery_codes: Sequence[str] = Field(examples=[["k5qw-3jhd-m2xa-7tcn-q4vy-hzr2"]])

    @classmethod
    def of(cls, codes: Sequence[Secret]) -> RecoveryCodesAnswer:
        """The answer that hands out these codes."""
        return cls(recovery_codes=[code.reveal() for code in codes])


class SecondFactorAnswer(HttpModel):
    """Whether there is a second factor."""

    on: bool
    enabled_at: datetime | None
    recovery_codes_left: int

    @classmethod
    def of(cls, factor: SecondFactorView) -> SecondFactorAnswer:
        """The answer that shows how it stands."""
        return cls(
            on=factor.enabled_at is not None,
            enabled_at=factor.enabled_at,
            recovery_codes_left=factor.recovery_codes_left,
        )
