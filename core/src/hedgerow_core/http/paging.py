"""How a list route takes and gives pages: `limit`, `cursor`, `sort` in, `{items, next}` out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import ConfigDict, Field

from hedgerow_core.application import DEFAULT_LIMIT, MAX_LIMIT
from hedgerow_core.http.models import HttpModel

Item = TypeVar("Item")

MAX_CURSOR_CHARACTERS = 2048
"""A text key may be 254 characters of four bytes each, and there may be several."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description=f"Items a page; {DEFAULT_LIMIT} unless told.")]
NextPage = Annotated[str | None, Query(max_length=MAX_CURSOR_CHARACTERS, description="`next` of the page before.")]
SortOrder = Annotated[
    str, Query(max_length=200, description="Sort keys with commas between; a leading `-` descends.")
]


class PageModel(HttpModel, Generic[Item]):
    """A page of a list."""

    model_config = ConfigDict(from_attributes=True)

    items: Sequence[Item]
    next: str | None = Field(description="Cursor of the following page; null on the last one.")
