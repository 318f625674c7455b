"""What a list is narrowed down to: conditions on fields, typed by the edge, turned into SQL by the reader."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a field is compared. A row without a value is not equal to any, in none of a list, and like nothing."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    LIKE = "like"
    """Contains this text, letter case included."""
    ILIKE = "ilike"
    """Contains this text in any letter case."""
    IS_NULL = "is_null"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `value` is of the field's type; a tuple of such for IN and NOT_IN; a bool for IS_NULL."""

    field: str
    operator: Operator
    value: object


Filters = tuple[Filter, ...]
"""All of them hold."""
