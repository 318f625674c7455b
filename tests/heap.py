"""A pytest plugin: what stays for the whole run is kept out of the garbage collector's way."""

from __future__ import annotations

import gc

ALLOCATIONS = 100_000
"""Between two looks at the youngest objects. Thousands of collected tests and all libraries are in the heap: to
look at them as often as Python does by itself took an eighth of the processor time."""


gc.disable()  # nearly all that is imported and collected stays, and would be looked at over and over


def pytest_collection_finish() -> None:
    """Look no more at what has been imported and collected, and at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 50)
    gc.enable()
