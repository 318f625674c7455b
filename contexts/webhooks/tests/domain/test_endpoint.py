"""The rules of endpoints: who may switch them on and off, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hedgerow_core.domain import new_id
from hedgerow_webhooks.domain.endpoint import Endpoint, EndpointStatus, chosen_events
from hedgerow_webhooks.domain.errors import EndpointSwitchedOff, UnknownEventType
from hedgerow_webhooks.domain.events import EndpointDisabled, GivenUp
from hedgerow_webhooks.domain.signing_secret import SigningSecret
from hedgerow_webhooks.domain.target import Target

AT = datetime(2026, 1, 15, tzinfo=UTC)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint.register(
        owner_id=new_id(),
        target=Target("https://hooks.example.org/"),
        events=frozenset({"billing.invoice_paid"}),
        description="",
        at=AT,
    )


def test_an_endpoint_that_is_given_up_is_off_and_says_so_once(endpoint: Endpoint) -> None:
    for _ in range(2):
        endpoint.give_up(GivenUp.FAILING, failing_since=AT, at=AT)

    assert endpoint.status is EndpointStatus.FAILING
    (said,) = endpoint.saved_as(2)
    assert isinstance(said, EndpointDisabled)
    assert (said.endpoint_id, said.owner_id, said.reason) == (endpoint.id, endpoint.owner_id, GivenUp.FAILING)
    with pytest.raises(EndpointSwitchedOff):
        endpoint.demand_on()


def test_its_owner_switches_it_on_again(endpoint: Endpoint) -> None:
    endpoint.give_up(GivenUp.GONE, failing_since=None, at=AT)
    endpoint.switch(on=False)
    assert endpoint.status is EndpointStatus.GONE, "why it is off stays to be seen"
    endpoint.switch(on=True)
    endpoint.demand_on()


def test_what_its_owner_has_switched_off_is_not_given_up(endpoint: Endpoint) -> None:
    endpoint.switch(on=False)
    endpoint.give_up(GivenUp.FAILING, failing_since=AT, at=AT)
    assert (endpoint.status, endpoint.saved_as(2)) == (EndpointStatus.DISABLED, ())


def test_an_event_that_is_not_let_out_can_not_be_chosen() -> None:
    known = ("billing.invoice_paid", "billing.invoice_opened")
    assert chosen_events(["billing.invoice_paid"] * 2, known) == {"billing.invoice_paid"}
    with pytest.raises(UnknownEventType, match=r"users\.user_updated"):
        chosen_events(["billing.invoice_paid", "users.user_updated"], known)


def test_a_secret_is_as_the_standard_wants_it_and_prints_nothing() -> None:
    secret, another = SigningSecret.new(), SigningSecret.new()
    assert secret.text.reveal().startswith("whsec_")
    assert len(secret.key) == 32
    assert secret.key != another.key
    assert "whsec_" not in f"{secret} {secret!r} {secret.text}"
