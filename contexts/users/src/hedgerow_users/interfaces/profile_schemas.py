"""What goes over the wire about profiles, links and administration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from pydantic import Field, JsonValue, SecretStr

from hedgerow_users.application.profile_patch import ProfilePatch
from hedgerow_users.domain import email, name, profile
from hedgerow_users.domain.roles import Role
from hedgerow_users.interfaces.schemas import (
    CODE_IF_ANY,
    MAX_PRESENTED,
    Body,
    ChosenPassword,
    PresentedCode,
    PresentedPassword,
)

_CODE_EXAMPLE = "Zq3vN0hJ6m1yqk2l0kz5k3rT1bX9c8uE7wA4sD2fG0I"


class ProfilePatchBody(Body):
    """What shall change: a field that is absent stays, null clears it. The name can't be cleared."""

    name: str = Field(default="", min_length=1, max_length=name.MAX_LENGTH, examples=["Ada Lovelace"])
    phone: str | None = Field(default=None, max_length=profile.MAX_PHONE, examples=["+44 20 7946 0000"])
    address: str | None = Field(default=None, max_length=profile.MAX_ADDRESS, examples=["12 St James's Square"])
    birthday: date | None = Field(default=None, examples=["1815-12-10"])
    photo_url: str | None = Field(
        default=None, max_length=profile.MAX_PHOTO_URL, examples=["https://example.org/ada.jpg"]
    )
    metadata: dict[str, JsonValue] | None = Field(
        default=None,
        description="A JSON object of 8 KiB and 5 levels at most. Replaced as a whole.",
        examples=[{"theme": "dark"}],
    )

    def patch(self) -> ProfilePatch:
        """The fields that came along."""
        return cast("ProfilePatch", {field: getattr(self, field) for field in self.model_fields_set})


class AddressBody(Body):
    """An address, whoever it may belong to."""

    email: str = Field(max_length=MAX_PRESENTED, examples=["ada@example.org"])


class CodeBody(Body):
    """The code out of a mail."""

    token: SecretStr = Field(max_length=MAX_PRESENTED, examples=[_CODE_EXAMPLE])


class LoginLinkBody(CodeBody):
    """The code of a login link."""

    code: PresentedCode | None = CODE_IF_ANY


class PasswordResetBody(CodeBody):
    """The code out of a mail, and the password that shall be."""

    new_password: ChosenPassword


class EmailChangeBody(Body):
    """The address that shall be, and the password as proof."""

    email: str = Field(max_length=email.MAX_LENGTH, examples=["ada@example.com"])
    current_password: PresentedPassword
    code: PresentedCode | None = CODE_IF_ANY


class NewAccountBody(Body):
    """An account for somebody else."""

    email: str = Field(max_length=email.MAX_LENGTH, examples=["ada@example.org"])
    name: str = Field(min_length=1, max_length=name.MAX_LENGTH, examples=["Ada Lovelace"])
    roles: Sequence[Role] = Field(default=(Role.USER,), min_length=1, max_length=len(Role))


class RolesBody(Body):
    """All roles that the account shall have."""

    roles: Sequence[Role] = Field(min_length=1, max_length=len(Role), examples=[["admin"]])
