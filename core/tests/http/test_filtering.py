"""A list route takes the filters that its resource declares, typed and bounded; others are refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI

from hedgerow_core.application import Filter, Filters, Operator
from hedgerow_core.domain import ValidationError
from hedgerow_core.http import ContextRouter, Filterable, FilterField, public
from hedgerow_core.http.filtering import MAX_CHARACTERS, MAX_FILTERS, MAX_ITEMS
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


THINGS = Filterable(
    colour=FilterField.choice(Colour),
    name=FilterField.text(),
    size=FilterField.whole(),
    made_at=FilterField.moment(),
    sold_at=FilterField.moment(nullable=True),
)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ([], ()),
        ([("limit", "3"), ("cursor", "x"), ("sort", "size")], ()),
        ([("colour", "red")], (Filter("colour", Operator.EQ, Colour.RED),)),
        (
            [("size__gte", "3"), ("size__lt", "9")],
            (Filter("size", Operator.GTE, 3), Filter("size", Operator.LT, 9)),
        ),
        ([("size__in", "1"), ("size__in", "2")], (Filter("size", Operator.IN, (1, 2)),)),
        ([("name__ilike", "50%_")], (Filter("name", Operator.ILIKE, "50%_"),)),
        ([("made_at__gt", "2026-01-01T01:00:00+01:00")], (Filter("made_at", Operator.GT, NEW_YEAR),)),
        ([("sold_at__is_null", "false")], (Filter("sold_at", Operator.IS_NULL, False),)),
    ],
)
def test_filters_are_read_as_the_types_of_their_fields(query: list[tuple[str, str]], filters: Filters) -> None:
    assert THINGS.filters_in(query) == filters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weight", "1"),
        ("weight__gt", "1"),
        ("size__like", "1"),
        ("size__", "1"),
        ("made_at__is_null", "true"),
        ("__class__", "1"),
        ("colour", "green"),
        ("size", "many"),
        ("size", str(2**63)),
        ("size__in", "1,2"),
        ("name", "a\x00"),
        ("made_at", "2026-01-01T00:00:00"),
        ("made_at", "0001-01-01T00:00:00+14:00"),
        ("sold_at__is_null", "perhaps"),
        ("name__like", "x" * (MAX_CHARACTERS + 1)),
    ],
)
def test_an_unknown_parameter_and_an_unreadable_value_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        THINGS.filters_in([(name, value)])

    assert (refused.value.field, refused.value.code) == (name, "invalid_filter")
    assert len(refused.value.message) < 400, "a refusal does not send back what was too long"


def test_there_are_caps() -> None:
    assert THINGS.filters_in([("size__in", "1")] * MAX_ITEMS)
    assert THINGS.filters_in([("name", "x" * MAX_CHARACTERS)])
    too_much = (
        [("size__in", "1")] * (MAX_ITEMS + 1),
        [("size", "1"), ("size", "2")],
        [(f"f{number}", "1") for number in range(MAX_FILTERS + 1)],
    )
    for query in too_much:
        with pytest.raises(ValidationError):
            THINGS.filters_in(query)


def app() -> FastAPI:
    router = ContextRouter("shop")

    @router.get("/things", openapi_extra=THINGS.openapi())
    @public
    async def things(filters: Annotated[Filters, Depends(THINGS.read)], limit: int = 20) -> list[str]:
        return [f"{filter.field} {filter.operator} {filter.value}" for filter in filters]

    app = FastAPI()
    install_problem_handlers(app)
    for route in router.routes:
        assert isinstance(route, PipelineRoute)
        route.stages = ()
        app.router.routes.append(route)
    return app


async def test_a_route_is_handed_its_filters_and_refuses_what_it_does_not_know() -> None:
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1/shop") as http:
        found = await http.get("/things", params={"size__gt": 3, "limit": 1})
        refused = await http.get("/things", params={"siez__gt": 3})

    assert found.json() == ["size gt 3"]
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "siez__gt")


def test_the_document_names_every_parameter_with_its_type() -> None:
    described = app().openapi()["paths"]["/v1/shop/things"]["get"]["parameters"]
    parameters = {parameter["name"]: parameter["schema"] for parameter in described}

    assert len(parameters) == len(described) == 1 + 4 + 6 + 8 + 8 + 9
    assert parameters["colour"]["enum"] == ["red", "blue"]
    assert parameters["size__in"] == {"type": "array", "items": parameters["size"], "maxItems": MAX_ITEMS}
    assert parameters["size__gt"]["type"] == "integer"
    assert parameters["made_at"] == {"type": "string", "format": "date-time"}
    assert parameters["sold_at__is_null"] == {"type": "boolean"}
    assert "limit" in parameters
