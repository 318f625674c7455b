"""What is done once, before a process serves."""

from __future__ import annotations

import gc

from hedgerow_host.lean_start import spare_what_is_built


def test_a_round_of_garbage_collection_passes_over_what_was_built_at_the_start() -> None:
    gc.unfreeze()
    built = [[]]  # a list that holds a list, so that the collector looks after it
    assert any(kept is built for kept in gc.get_objects())

    spare_what_is_built()
    try:
        assert not any(kept is built for kept in gc.get_objects())
    finally:
        gc.unfreeze()
