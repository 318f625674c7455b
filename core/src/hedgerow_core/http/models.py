"""What the models of bodies and answers have in common: a start does not wait for them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class HttpModel(BaseModel):
    """A body or an answer. Built with the first request that carries one, in half a millisecond (ADR 0050).

    A start would otherwise build all of them, of which most processes see few.
    """

    model_config = ConfigDict(defer_build=True)
