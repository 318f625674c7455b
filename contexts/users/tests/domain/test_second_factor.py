"""What counts as a code, and which roles a session carries."""

from __future__ import annotations

import pytest

from hedgerow_core.domain import Secret
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.second_factor import (
    RECOVERY_CODES,
    SecondFactorPolicy,
    hash_of_recovery_code,
    new_recovery_codes,
    totp_code,
)

USER, ADMIN, SUPER_ADMIN = ("user",), ("admin",), ("super_admin",)


def test_ten_recovery_codes_of_120_bits_in_groups() -> None:
    codes = [code.reveal() for code in new_recovery_codes()]
    assert len(set(codes)) == RECOVERY_CODES
    for code in codes:
        assert [len(group) for group in code.split("-")] == [4, 4, 4, 4, 4, 4]


def test_a_recovery_code_is_the_same_however_its_groups_and_letters_are_typed() -> None:
    code = "k5qw-3jhd-m2xa-7tcn-q4vy-hzr2"
    hashes = {
        hash_of_recovery_code(Secret(typed)) for typed in (code, code.upper(), " k5qw 3jhdm2xa7tcn q4vyhzr2 ")
    }
    assert len(hashes) == 1
    assert hashes != {hash_of_recovery_code(Secret("k5qw-3jhd-m2xa-7tcn-q4vy-hzr3"))}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123456",
        "k5qw-3jhd-m2xa-7tcn-q4vy-hzr",
        "k5qw-3jhd-m2xa-7tcn-q4vy-hzr2-a",
        "k5qw-3jhd-m2xa-7tcn-q4vy-hzr1",
        "\ud800",
    ],
)
def test_what_can_be_no_recovery_code_is_none(text: str) -> None:
    assert hash_of_recovery_code(Secret(text)) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("12345", None),
        ("1234567", None),
        ("١٢٣٤٥٦", None),
        ("", None),
    ],
)
def test_a_code_of_an_app_has_six_digits(text: str, code: str | None) -> None:
    assert totp_code(Secret(text)) == code


@pytest.mark.parametrize(
    ("demanded", "roles", "carried"),
    [
        ((), SUPER_ADMIN, SUPER_ADMIN),
        ((Role.ADMIN,), USER, USER),
        ((Role.ADMIN,), ADMIN, USER),
        ((Role.ADMIN,), SUPER_ADMIN, USER),  # a higher role may all that a lower one may
        ((Role.SUPER_ADMIN,), ADMIN, ADMIN),
        ((Role.SUPER_ADMIN,), ("admin", "super_admin"), USER),  # the rank of the account decides behind the routes
        ((Role.ADMIN, Role.SUPER_ADMIN), ("gardener",), ("gardener",)),
    ],
)
def test_a_session_without_second_factor_carries_user_alone_if_a_role_needs_one(
    demanded: tuple[Role, ...], roles: tuple[str, ...], carried: tuple[str, ...]
) -> None:
    policy = SecondFactorPolicy(frozenset(demanded))
    assert policy.carried(roles, proven=False) == carried
    assert policy.carried(roles, proven=True) == roles
