"""What answers have in common: a start does not wait for them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class HttpModel(BaseModel):
    """An answer. Built with the first one that is given, in half a millisecond (ADR 0050).

    A start would otherwise build all of them, of which most processes give few. Bodies derive from `BaseModel`:
    FastAPI wants them built with their routes, and one that can't be built is found by the start.
    """

    model_config = ConfigDict(defer_build=True)
