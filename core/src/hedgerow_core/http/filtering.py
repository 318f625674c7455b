"""How a list route takes filters: `total__gte=1000&status__in=open&status__in=paid`.

A resource declares its fields and their types; from that come the parameters of the OpenAPI document and the
readers of their values. Only parameters that are there cost anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any
from uuid import UUID

from fastapi import Request
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, TypeAdapter
from pydantic import ValidationError as Unreadable

from hedgerow_core.application import Filter, Filters, Operator
from hedgerow_core.domain import ValidationError

MAX_FILTERS = 50
MAX_ITEMS = 500
MAX_CHARACTERS = 5_000
"""Of one value."""
OF_EVERY_LIST = frozenset({"limit", "cursor", "sort"})

_EQUALITY = (Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN)
_ORDER = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_LISTS = (Operator.IN, Operator.NOT_IN)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # an offset can push the first and the last day of the calendar out of it
        raise ValueError("out of the calendar") from error


_Text = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS, pattern=r"^[^\x00]*$")]  # PostgreSQL has no NUL
_Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]  # what a bigint holds
_Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


@dataclass(frozen=True, slots=True)
class FilterField:
    """A field that a list can be filtered by: the type of its values, and the operators that make sense of them."""

    type: Any
    operators: tuple[Operator, ...]

    @staticmethod
    def text() -> FilterField:
        """A text column."""
        return FilterField(_Text, (*_EQUALITY, Operator.LIKE, Operator.ILIKE))

    @staticmethod
    def whole() -> FilterField:
        """A bigint column."""
        return FilterField(_Whole, (*_EQUALITY, *_ORDER))

    @staticmethod
    def id() -> FilterField:
        """A uuid column."""
        return FilterField(UUID, _EQUALITY)

    @staticmethod
    def moment(*, nullable: bool = False) -> FilterField:
        """A timestamptz column. Values have an offset."""
        return FilterField(_Moment, (*_EQUALITY, *_ORDER, *((Operator.IS_NULL,) if nullable else ())))

    @staticmethod
    def day(*, nullable: bool = False) -> FilterField:
        """A date column."""
        return FilterField(date, (*_EQUALITY, *_ORDER, *((Operator.IS_NULL,) if nullable else ())))

    @staticmethod
    def choice(of: type[StrEnum]) -> FilterField:
        """A text column with few values."""
        return FilterField(of, _EQUALITY)


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    field: str
    operator: Operator
    reader: TypeAdapter[Any]

    def read(self, written: Sequence[str]) -> Filter:
        if self.operator in _LISTS:
            if len(written) > MAX_ITEMS:
                raise _refused(self.name, f"takes {MAX_ITEMS} values at most")
            return Filter(self.field, self.operator, tuple(map(self._value, written)))
        if len(written) > 1:
            raise _refused(self.name, "is given twice, and takes one value")
        return Filter(self.field, self.operator, self._value(written[0]))

    def _value(self, written: str) -> object:
        if len(written) > MAX_CHARACTERS:
            raise _refused(self.name, f"takes {MAX_CHARACTERS} characters at most")
        try:
            return self.reader.validate_python(written)
        except Unreadable as error:
            raise _refused(self.name, f"can't be read: {error.errors()[0]['msg']}") from error

    def documented(self) -> dict[str, object]:
        schema = self.reader.json_schema()
        if self.operator in _LISTS:
            schema = {"type": "array", "items": schema, "maxItems": MAX_ITEMS}
        return {
            "name": self.name,
            "in": "query",
            "required": False,
            "schema": schema,
            "description": _DESCRIPTIONS[self.operator].format(self.field),
        }


class Filterable:
    """The fields of one resource's list. Built once; give `read` to the route as a dependency."""

    def __init__(self, **fields: FilterField) -> None:
        self._parameters: Mapping[str, _Parameter] = {
            parameter.name: parameter for parameter in _parameters_of(fields)
        }
        self._others = OF_EVERY_LIST

    def beside(self, *names: str) -> Filterable:
        """The same fields, on a list whose route takes parameters of these names itself."""
        self._others |= {*names}
        return self

    async def read(self, request: Request) -> Filters:
        """The filters of a request, for `Annotated[Filters, Depends(INVOICES.read)]`.

        Raises:
            ValidationError: names the parameter that nobody knows, that is too much, or that can't be read.
        """
        return self.filters_in(request.query_params.multi_items())

    def filters_in(self, query: Iterable[tuple[str, str]]) -> Filters:
        """The filters in a query string, taken apart."""
        written: dict[str, list[str]] = {}
        for name, value in query:
            if name not in self._others:
                written.setdefault(name, []).append(value)
        if len(written) > MAX_FILTERS:
            raise _refused("query", f"has more than {MAX_FILTERS} filters")
        return tuple(self._parameter(name).read(values) for name, values in written.items())

    def openapi(self) -> dict[str, object]:
        """What the route's `openapi_extra` says of the parameters."""
        return {"parameters": list(self._documented)}

    @cached_property
    def _documented(self) -> Sequence[dict[str, object]]:
        """Once for all applications of a process: schemas take pydantic 10 ms."""
        return [parameter.documented() for parameter in self._parameters.values()]

    def _parameter(self, name: str) -> _Parameter:
        parameter = self._parameters.get(name)
        if parameter is None:
            fields = sorted({parameter.field for parameter in self._parameters.values()})
            raise _refused(name, f"is no parameter of this list. Fields are {', '.join(fields)}; see the document")
        return parameter


_DESCRIPTIONS: Mapping[Operator, str] = {
    Operator.EQ: "Only where {} is this.",
    Operator.NE: "Only where {} is not this.",
    Operator.GT: "Only where {} is above this.",
    Operator.GTE: "Only where {} is this or above.",
    Operator.LT: "Only where {} is below this.",
    Operator.LTE: "Only where {} is this or below.",
    Operator.IN: "Only where {} is one of these; repeat it for each.",
    Operator.NOT_IN: "Only where {} is none of these; repeat it for each.",
    Operator.LIKE: "Only where {} contains this.",
    Operator.ILIKE: "Only where {} contains this, in any letter case.",
    Operator.IS_NULL: "Only where {} is missing (true), or there (false).",
}


def _parameters_of(fields: Mapping[str, FilterField]) -> Iterable[_Parameter]:
    for field, kind in fields.items():
        of_field, yes_or_no = TypeAdapter(kind.type), TypeAdapter(bool)
        for operator in kind.operators:
            name = field if operator is Operator.EQ else f"{field}__{operator}"
            yield _Parameter(name, field, operator, yes_or_no if operator is Operator.IS_NULL else of_field)


def _refused(name: str, why: str) -> ValidationError:
    return ValidationError(f"{name[:100]} {why}.", field=name[:100], code="invalid_filter")
