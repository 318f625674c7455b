"""A version travels as ETag: a GET that would repeat it is cut short, If-Match means these versions alone."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI, Response

from hedgerow_core.domain import AggregateRoot, PreconditionError, ValidationError, Versions, new_id
from hedgerow_core.http import ContextRouter, IfMatch, public, tagged
from hedgerow_core.http.etags import MAX_CHARACTERS, versions_in
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers


@dataclass
class Order:
    version: int


class Hedge(AggregateRoot):
    pass


def app() -> FastAPI:
    router = ContextRouter("shop")

    @router.get("/order", response_model=Order)
    @public
    async def order(response: Response) -> Order:
        response.headers["Cache-Control"] = "private"
        return tagged(response, Order(version=3))

    @router.get("/orders")
    @public
    async def orders() -> list[int]:
        return [1]

    @router.post("/order")
    @public
    async def change(response: Response, expected: IfMatch) -> list[int] | None:
        response.headers["ETag"] = '"3"'
        return None if expected is None else sorted(expected)

    app = FastAPI()
    install_problem_handlers(app)
    for route in router.routes:
        assert isinstance(route, PipelineRoute)
        route.stages = ()
        app.router.routes.append(route)
    return app


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://test/v1/shop")


@pytest.mark.parametrize("known", ['"3"', 'W/"3"', '"1", "3"', "*"])
async def test_who_has_the_version_already_is_answered_304_without_a_body(known: str) -> None:
    async with client() as http:
        answer = await http.get("/order", headers={"If-None-Match": known})

    assert (answer.status_code, answer.content) == (304, b"")
    assert (answer.headers["etag"], answer.headers["cache-control"]) == ('"3"', "private")


@pytest.mark.parametrize("known", ['"2"', '"33"', "3", '""', "nonsense"])
async def test_who_has_another_version_is_shown_this_one(known: str) -> None:
    async with client() as http:
        answer = await http.get("/order", headers={"If-None-Match": known})

    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, {"version": 3}, '"3"')


async def test_neither_what_has_no_version_nor_a_change_is_cut_short() -> None:
    async with client() as http:
        assert (await http.get("/orders", headers={"If-None-Match": "*"})).status_code == 200
        assert (await http.post("/order", headers={"If-None-Match": '"3"'})).status_code == 200


@pytest.mark.parametrize(
    ("written", "versions"),
    [
        (None, None),
        ("*", None),
        ('"3"', {3}),
        (' "3" , "4"', {3, 4}),
        ('W/"3"', set()),
        ('W/"3", "4"', {4}),
        ('"abc"', set()),
        ('""', set()),
        ('"' + "9" * 30 + '"', set()),
    ],
)
def test_if_match_means_exactly_the_versions_that_it_names(written: str | None, versions: set[int] | None) -> None:
    assert versions_in(written) == versions


@pytest.mark.parametrize("written", ["3", '"3', '"3" "4"', "", ",", '"3",', '"a\nb"'])
def test_if_match_that_is_no_list_of_tags_is_refused_by_name(written: str) -> None:
    with pytest.raises(ValidationError) as refused:
        versions_in(written)

    assert refused.value.field == "If-Match"


async def test_a_route_is_handed_the_versions_and_its_document_names_the_field() -> None:
    async with client() as http:
        assert (await http.post("/order", headers={"If-Match": '"4", "3"'})).json() == [3, 4]
        assert (await http.post("/order")).json() is None
        long = await http.post("/order", headers={"If-Match": '"' + "1" * MAX_CHARACTERS + '"'})
    assert long.status_code == 422

    (parameter,) = app().openapi()["paths"]["/v1/shop/order"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("if-match", "header", False)


@pytest.mark.parametrize(
    ("expected", "passes"), [(None, True), ({2}, True), ({1, 2}, True), ({1}, False), (set(), False)]
)
def test_an_aggregate_goes_on_from_an_expected_version_only(expected: set[int] | None, passes: bool) -> None:
    hedge = Hedge(new_id(), version=2)
    versions: Versions | None = None if expected is None else frozenset(expected)
    if passes:
        hedge.demand_version(versions)
        return
    with pytest.raises(PreconditionError) as refused:
        hedge.demand_version(versions)
    assert refused.value.details == {"version": 2}
