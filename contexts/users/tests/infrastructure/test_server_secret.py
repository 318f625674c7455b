"""Keys derived from the server secret: one for each purpose, and those of the secret before it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import SecretStr

from hedgerow_users.infrastructure.server_secret import FILE, Purpose, users_secret

OLD, NEW = SecretStr("the secret of last year, long enough"), SecretStr("the secret of this year, long enough")
SEAL = Purpose.SIGNING_KEY_SEAL


def test_each_secret_and_each_purpose_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys = {
        bytes(users_secret(secret, None, folder=tmp_path).keys(purpose)[0])
        for secret in (OLD, NEW)
        for purpose in Purpose
    }
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 2 * len(Purpose)


def test_the_key_of_the_current_secret_comes_first_and_that_of_the_previous_one_still_counts(
    tmp_path: Path,
) -> None:
    (old,) = users_secret(OLD, None, folder=tmp_path).keys(SEAL)
    (new,) = users_secret(NEW, None, folder=tmp_path).keys(SEAL)
    assert users_secret(NEW, OLD, folder=tmp_path).keys(SEAL) == [new, old]


def test_a_derived_key_never_changes(tmp_path: Path) -> None:
    """What is stored was made with it: computed once by another implementation of RFC 5869 (hmac, hashlib)."""
    import hashlib
    import hmac

    extracted = hmac.digest(b"\0" * 32, OLD.get_secret_value().encode(), hashlib.sha256)
    expanded = hmac.digest(extracted, b"hedgerow-users/signing-key-seal/v1\x01", hashlib.sha256)
    assert users_secret(OLD, None, folder=tmp_path).keys(SEAL) == [expanded]


def test_where_none_is_set_one_is_made_once_for_all_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    def key(_n: int) -> bytes:
        return users_secret(None, None, folder=folder).keys(SEAL)[0]

    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(key, range(8)))
    assert len(keys) == 1
    assert [file.name for file in folder.iterdir()] == [FILE]
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_a_secret_that_is_set_leaves_no_file(tmp_path: Path) -> None:
    users_secret(NEW, None, folder=tmp_path).keys(SEAL)
    assert list(tmp_path.iterdir()) == []
