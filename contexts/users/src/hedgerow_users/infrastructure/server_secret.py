"""The secret of this context, from USERS_SECRET, and what the keys are for that are derived from it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from hedgerow_core.security.server_secret import ServerSecret

FILE = "users_secret"
"""In the data folder: where a secret is made and kept that nobody has set. The plugin allows that in `dev` only."""


class Purpose(StrEnum):
    """What a key is for. Never rename one."""

    REFRESH_SUCCESSOR = "hedgerow-users/refresh-successor/v1"
    SIGNING_KEY_SEAL = "hedgerow-users/signing-key-seal/v1"
    SECOND_FACTOR_SEAL = "hedgerow-users/second-factor-seal/v1"


def users_secret(current: SecretStr | None, previous: SecretStr | None, *, folder: Path) -> ServerSecret:
    """The secret of this context, and the one before while it is being replaced."""
    return ServerSecret(current, previous, file=folder / FILE)
