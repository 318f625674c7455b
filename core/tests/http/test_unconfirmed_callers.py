"""What is open to callers of whom nobody can say just now whether they are still welcome."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_core.domain import new_id
from hedgerow_core.http import ContextRouter, Gate, Rows, access_of, authenticated, permitted
from hedgerow_core.http.origins import CookieMode
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import (
    IdentityUnknown,
    KeyAuthority,
    Permission,
    PermissionTable,
    Principal,
    TokenVerifier,
    scope_of_route,
)
from hedgerow_core.testing import FakeClock

UNKNOWN = (503, "identity_unknown")
SCOPES = frozenset({"shop:read", "shop:write", "shop:order:look", "shop:order:list", "shop:order:delete"})
PERMISSIONS = (
    Permission("shop:order:look", "user", ""),
    Permission("shop:order:list", "admin", ""),
    Permission("shop:order:delete", "admin", ""),
)
REMEMBERED = {
    f"shop_{role}": Principal(subject=new_id(), session=None, roles=frozenset({role}), scopes=SCOPES)
    for role in ("user", "admin")
}


async def nobody_answers(_key: str, _network: str) -> Principal | None:
    raise IdentityUnknown


FORGETFUL = KeyAuthority(prefix="shop_", find=nobody_answers)
REMEMBERING = KeyAuthority(prefix="shop_", find=nobody_answers, recall=REMEMBERED.get)


def router() -> ContextRouter:
    router = ContextRouter("shop")

    @router.api_route("/orders", methods=["GET", "HEAD"])
    @authenticated
    async def look() -> None: ...

    @router.post("/orders")
    @authenticated
    async def place() -> None: ...

    @router.get("/order")
    @permitted("shop:order:look", all_rows="shop:order:list")
    async def show(rows: Rows) -> None: ...

    @router.get("/all")
    @permitted("shop:order:list")
    async def list_all() -> None: ...

    return router


@dataclass(frozen=True, slots=True)
class Shop:
    """A running host with one context."""

    gate: Gate
    app: FastAPI

    async def answer(self, method: str, path: str, credential: str | None, **headers: str) -> tuple[int, str]:
        shown = {"authorization": f"Bearer {credential}"} if credential else {}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as client:
            got = await client.request(method, f"http://test/v1/shop{path}", headers=shown | headers)
        return got.status_code, got.json()["code"] if got.is_error and got.content else ""


@pytest.fixture
def shop() -> Shop:
    app = FastAPI()
    install_problem_handlers(app)
    gate = Gate(TokenVerifier([], FakeClock()), PermissionTable(PERMISSIONS))
    for route in router().routes:
        assert isinstance(route, PipelineRoute)
        access = access_of(route.endpoint)
        assert access is not None
        route.stages = gate.stages_for(access, scope=scope_of_route("shop", route.methods or ()))
        app.router.routes.append(route)
    return Shop(gate, app)


@pytest.mark.parametrize(("method", "path"), [("GET", "/orders"), ("HEAD", "/orders"), ("GET", "/order")])
async def test_who_is_remembered_may_look_at_what_is_its_own(shop: Shop, method: str, path: str) -> None:
    shop.gate.believe([], [REMEMBERING], [])

    assert await shop.answer(method, path, "shop_user") == (200, "")


async def test_who_is_not_remembered_may_not(shop: Shop) -> None:
    shop.gate.believe([], [REMEMBERING], [])
    assert await shop.answer("GET", "/orders", "shop_stranger") == UNKNOWN

    shop.gate.believe([], [FORGETFUL], [])
    assert await shop.answer("GET", "/orders", "shop_user") == UNKNOWN


@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        pytest.param("POST", "/orders", "shop_user", id="changes something"),
        pytest.param("GET", "/all", "shop_admin", id="needs a permission of administrators"),
        pytest.param("GET", "/order", "shop_admin", id="would reach everybody's rows"),
    ],
)
async def test_nobody_changes_or_administers_on_the_strength_of_a_memory(
    shop: Shop, method: str, path: str, who: str
) -> None:
    shop.gate.believe([], [REMEMBERING], [])
    assert await shop.answer(method, path, who) == UNKNOWN

    async def confirmed(key: str, _network: str) -> Principal | None:
        return REMEMBERED.get(key)

    shop.gate.believe([], [KeyAuthority(prefix="shop_", find=confirmed)], [])
    assert await shop.answer(method, path, who) == (200, ""), "the twin: confirmed, they may"


async def test_who_lacks_the_permission_hears_that_and_not_that_it_might_be_had_later(shop: Shop) -> None:
    shop.gate.believe([], [REMEMBERING], [])

    assert await shop.answer("GET", "/all", "shop_user") == (403, "not_permitted")


UNKNOWN_ISSUER = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.eyJpc3MiOiJlbHNld2hlcmUifQ.AAAA"


@pytest.mark.parametrize(
    ("credential", "headers"),
    [(UNKNOWN_ISSUER, {}), ("rose_abc", {}), (None, {"cookie": "session=abc"})],
    ids=["a token of an unknown issuer", "a key of an unknown prefix", "a cookie"],
)
async def test_while_somebody_has_not_said_for_whom_it_vouches_nobody_is_refused_for_good(
    shop: Shop, credential: str | None, headers: dict[str, str]
) -> None:
    cookies = [CookieMode(access_cookie="ours")]
    shop.gate.believe([], [REMEMBERING], cookies, complete=False)
    assert await shop.answer("GET", "/orders", credential, **headers) == UNKNOWN

    shop.gate.believe([], [REMEMBERING], cookies)
    assert (await shop.answer("GET", "/orders", credential, **headers))[0] == 401, "the twin: all have spoken"


@pytest.mark.parametrize("credential", [None, "neither key nor token", "e30.e30."])
async def test_what_can_be_nobodys_is_refused_all_the_same(shop: Shop, credential: str | None) -> None:
    shop.gate.believe([], [], [], complete=False)

    assert (await shop.answer("GET", "/orders", credential))[0] == 401
