"""What is done once, before a process serves."""

from __future__ import annotations

import gc

from pydantic import BaseModel

from hedgerow_host.cli import SERVERS, serve
from hedgerow_host.lean_start import building_models_later, spare_what_is_built


def test_a_round_of_garbage_collection_passes_over_what_was_built_at_the_start() -> None:
    gc.unfreeze()
    built = [[]]  # a list that holds a list, so that the collector looks after it
    assert any(kept is built for kept in gc.get_objects())

    spare_what_is_built()
    try:
        assert not any(kept is built for kept in gc.get_objects())
    finally:
        gc.unfreeze()


def test_models_that_are_declared_to_be_built_later_are_built_when_they_are_first_used() -> None:
    with building_models_later():

        class Hedge(BaseModel):
            metres: int

    class Tree(BaseModel):
        metres: int

    assert [Hedge.__pydantic_complete__, Tree.__pydantic_complete__] == [False, True]
    assert Hedge.model_validate({"metres": "3"}).metres == 3
    assert Hedge.__pydantic_complete__


def test_every_role_that_serves_in_its_own_process_begins_lean() -> None:
    assert serve.ROLES.keys() - SERVERS == {"dev"}, "which starts another process, and again with every change"
