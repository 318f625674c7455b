"""What leaves the house stands in the catalogue, and says whom it concerns; nothing else is carried along."""

from __future__ import annotations

from uuid import UUID

import pytest

from hedgerow_billing.contracts import PUBLISHED
from hedgerow_webhooks.application.catalogue import EVENT_TYPES, LET_OUT, LetOut
from hedgerow_webhooks.contracts import EndpointDisabledV1

CONTRACTS = {contract.event_type: contract for contract in (*PUBLISHED, EndpointDisabledV1)}


@pytest.mark.parametrize("event", LET_OUT, ids=lambda event: event.event_type)
def test_every_event_names_its_owner_and_holds_what_its_publisher_promises(event: type[LetOut]) -> None:
    assert event.model_fields[event.owner_field].annotation is UUID
    assert event.model_fields[event.owner_field].is_required()
    promised = CONTRACTS[event.event_type].model_fields
    assert set(event.model_fields) <= set(promised)
    assert EVENT_TYPES[event.event_type].endswith("."), "customers read it"


def test_nothing_of_accounts_is_let_out() -> None:
    assert [type for type in EVENT_TYPES if type.startswith("users.")] == []
