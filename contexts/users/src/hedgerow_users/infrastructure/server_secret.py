"""The secret of this installation, and the keys that are derived from it. It is never used as a key itself.

Every process must have the same one. It comes from USERS_SECRET; in `dev` it is made once, in the data folder.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

FILE = "users_secret"
KEY_BYTES = 32


class Purpose(StrEnum):
    """What a key is for; `info` of RFC 5869, so that no key can stand in for another. Never rename one."""

    REFRESH_SUCCESSOR = "hedgerow-users/refresh-successor/v1"
    SIGNING_KEY_SEAL = "hedgerow-users/signing-key-seal/v1"
    SECOND_FACTOR_SEAL = "hedgerow-users/second-factor-seal/v1"


@final
class ServerSecret:
    """Derives keys from the current secret, and from the one before while it is being replaced.

    `folder` is where a secret is made and kept that nobody has set; the plugin allows that in `dev` only.
    """

    def __init__(self, current: SecretStr | None, previous: SecretStr | None, *, folder: Path) -> None:
        self._current = current
        self._previous = previous
        self._folder = folder

    def keys(self, purpose: Purpose) -> Sequence[bytes]:
        """The keys of 32 bytes for this purpose: the current one, which is to be used, then the previous one."""
        return [
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)
            for secret in self._secrets
        ]

    @cached_property
    def _secrets(self) -> Sequence[bytes]:
        """Read on first use, because a context is also built to be looked at, which must leave no traces."""
        current = self._current.get_secret_value() if self._current else _kept_in(self._folder)
        previous = [self._previous.get_secret_value()] if self._previous else []
        return [secret.encode() for secret in (current, *previous)]


def _kept_in(folder: Path) -> str:
    file = folder / FILE
    if not file.exists():
        _make(file)
    return file.read_text()


def _make(file: Path) -> None:
    """Of several processes that make one at once, the first wins; nobody ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writing:
        writing.write(secrets.token_hex(KEY_BYTES))
    try:
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink()
