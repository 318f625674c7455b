"""What a key looks like, and how it ends."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from hedgerow_core.domain import Secret, new_id
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKey, KeyOwner
from hedgerow_users.domain.api_key_text import KeyText, checksum_of
from hedgerow_users.domain.key_errors import InvalidServiceName
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.service import ServiceId, ServiceName

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def key(lifetime: timedelta = 90 * DAY) -> ApiKey:
    owner = KeyOwner(account_id=AccountId(new_id()))
    return ApiKey.make(owner, name=Name("Report"), scopes=["users:read"], lifetime=lifetime, at=NOW)[1]


def test_a_new_key_is_read_back_and_never_printed() -> None:
    text = KeyText.new()
    written = text.secret.reveal()

    assert KeyText.read(written) == text
    assert (len(written), written[4:12], written.isascii()) == (61, text.public_id, True)
    assert written not in f"{text!r} {text}"
    assert KeyText.new().secret != text.secret


def test_what_is_stored_is_the_hash_of_the_whole_key() -> None:
    text = KeyText.new()
    assert text.hash == hashlib.sha256(text.secret.reveal().encode()).digest()


def test_the_checksum_is_that_of_crc32_in_base_62() -> None:
    assert checksum_of("") == "000000"
    assert checksum_of("123456789") == _base62(0xCBF43926), "the check value of CRC-32/ISO-HDLC"


def _base62(number: int) -> str:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digits = [alphabet[number // 62**place % 62] for place in range(6)]
    return "".join(reversed(digits))


def test_every_single_typing_error_is_noticed() -> None:
    written = KeyText.new().secret.reveal()
    for at in range(4, len(written)):
        wrong = written[:at] + ("a" if written[at] != "a" else "b") + written[at + 1 :]
        assert KeyText.read(wrong) is None, at
    swapped = written[:12] + written[13] + written[12] + written[14:]
    assert swapped == written or KeyText.read(swapped) is None


def test_a_repaired_checksum_makes_another_key() -> None:
    written = KeyText.new().secret.reveal()
    other = written[:-7] + ("a" if written[-7] != "a" else "b")
    forged = KeyText.read(other + checksum_of(other))

    assert forged is not None
    assert forged.hash != KeyText(public_id="", secret=Secret(written)).hash


@pytest.mark.parametrize(
    "text", ["", "hgk_", "hgk_" + "a" * 57, "hgk_" + "a" * 10_000, "HGK_x", "hgk_\ud800", "é" * 61]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert KeyText.read(text) is None


def test_a_key_lives_until_it_expires_or_is_revoked_and_the_first_end_stands() -> None:
    one, other = key(), key()
    assert (one.is_live(NOW + 90 * DAY - timedelta(microseconds=1)), one.is_live(NOW + 90 * DAY)) == (True, False)
    other.revoke(at=NOW + DAY)
    other.revoke(at=NOW + 2 * DAY)
    assert (other.is_live(NOW), other.revoked_at) == (False, NOW + DAY)


def test_rotated_without_grace_the_old_one_ends_at_once() -> None:
    old = key()
    text, new = old.rotate(grace=timedelta(0), at=NOW + DAY)

    assert not old.is_live(NOW + DAY)
    assert (new.rotated_from, new.scopes, new.name, new.hash) == (old.id, old.scopes, old.name, text.hash)
    assert new.expires_at == NOW + 91 * DAY


@pytest.mark.parametrize(("lifetime", "ends_after"), [(90 * DAY, 8 * DAY), (2 * DAY, 2 * DAY)])
def test_grace_never_makes_a_key_live_longer(lifetime: timedelta, ends_after: timedelta) -> None:
    old = key(lifetime)
    old.rotate(grace=7 * DAY, at=NOW + DAY)

    assert (old.revoked_at, old.expires_at) == (None, NOW + ends_after)


def test_a_key_has_one_owner() -> None:
    with pytest.raises(ValueError, match="or to a service"):
        KeyOwner()
    with pytest.raises(ValueError, match="or to a service"):
        KeyOwner(account_id=AccountId(new_id()), service_id=ServiceId(new_id()))


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a" * 64, "a b", "a\n", "a_b", "ä"])
def test_a_service_has_a_plain_name(name: str) -> None:
    with pytest.raises(InvalidServiceName):
        ServiceName(name)
    assert ServiceName("billing-host-2").text == "billing-host-2"
