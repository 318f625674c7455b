"""Where a session is used from: as much as its owner needs to recognise it."""

from __future__ import annotations

import pytest

from hedgerow_users.domain.client import Client


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.17", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:192.0.2.17", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", None),
        ("testclient", None),
    ],
)
def test_an_address_is_shown_as_its_neighbourhood(address: str, network: str | None) -> None:
    assert Client(user_agent="", address=address).network == network


def test_a_program_is_kept_as_it_names_itself_but_short_and_printable() -> None:
    client = Client.seen(user_agent="Fire\x00fox\x1b[31m \xe9" + "x" * 300, address="192.0.2.1")
    assert client.user_agent.startswith("Firefox[31m \xe9xxx")
    assert len(client.user_agent) == 200


def test_the_fingerprint_is_that_of_the_program_alone() -> None:
    here, there = (Client(user_agent="Firefox", address=address) for address in ("192.0.2.1", "198.51.100.1"))
    assert here.fingerprint == there.fingerprint
    assert here.fingerprint != Client(user_agent="curl", address="192.0.2.1").fingerprint
