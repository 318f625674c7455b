"""A secret that all processes of an installation share, and the keys that are derived from it (ADR 0014).

It is never used as a key itself. Where nobody has set it, it is made once, in a file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field, SecretStr

KEY_BYTES = 32
SECRET_CHARACTERS = 32
"""`openssl rand -hex 32` writes 64 of them, 256 bits; fewer than 32 could be guessed at from one derived token."""

ServerSecretText = Annotated[SecretStr, Field(min_length=SECRET_CHARACTERS)]
"""Of a setting that holds such a secret."""


@final
class ServerSecret:
    """Derives keys from the current secret, and from the one before while it is being replaced.

    `file` is where a secret is made and kept that nobody has set; allow that in `dev` only.
    """

    def __init__(self, current: SecretStr | None, previous: SecretStr | None, *, file: Path) -> None:
        self._current = current
        self._previous = previous
        self._file = file

    def keys(self, purpose: str) -> Sequence[bytes]:
        """The keys of 32 bytes for this purpose: the current one, which is to be used, then the previous one.

        A purpose is `info` of RFC 5869, so that no key can stand in for another. Never rename one.
        """
        return [
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)
            for secret in self._secrets
        ]

    @cached_property
    def _secrets(self) -> Sequence[bytes]:
        """Read on first use, because a context is also built to be looked at, which must leave no traces."""
        current = self._current.get_secret_value() if self._current else _kept_in(self._file)
        previous = [self._previous.get_secret_value()] if self._previous else []
        return [secret.encode() for secret in (current, *previous)]


def _kept_in(file: Path) -> str:
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
