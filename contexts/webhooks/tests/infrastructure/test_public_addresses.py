"""Only what is anybody's on the Internet is sent to; everything that could be ours is not."""

from __future__ import annotations

import pytest

from hedgerow_webhooks.infrastructure.public_addresses import is_of_this_machine, is_public


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "223.255.255.1", "2606:4700::1111", "2a00:1450:4001::1"]
)
def test_what_is_anybodys_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:1.1.1.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2606:4700::1111%eth0",
        "",
        "localhost",
        "1.1.1",
        "1.1.1.1/32",
    ],
)
def test_what_could_be_ours_is_not(address: str) -> None:
    assert not is_public(address)


def test_this_machine_is_known_in_its_plain_form() -> None:
    assert [a for a in ("127.0.0.1", "::1", "10.0.0.1", "::ffff:127.0.0.1", "x") if is_of_this_machine(a)] == [
        "127.0.0.1",
        "::1",
    ]
