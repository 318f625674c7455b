"""Slow receivers of one owner leave room for those of others, and all of them together for the house."""

from __future__ import annotations

from contextlib import ExitStack

from hedgerow_core.domain import new_id
from hedgerow_webhooks.application.lanes import Lanes


def test_an_owner_takes_so_many_lanes_and_all_so_many_together() -> None:
    lanes, slow, others = Lanes(most=4, most_of_an_owner=2), new_id(), [new_id() for _ in range(3)]
    with ExitStack() as stack:
        assert [stack.enter_context(lanes.lane(slow)) for _ in range(3)] == [True, True, False]
        assert [stack.enter_context(lanes.lane(owner)) for owner in others] == [True, True, False]
    with ExitStack() as stack:
        assert [stack.enter_context(lanes.lane(slow)) for _ in range(3)] == [True, True, False], "free again"
