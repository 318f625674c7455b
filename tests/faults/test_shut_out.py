"""Experiment 30: who is closed, deleted, demoted or logged out is refused on every node within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.conftest import Production, with_role
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import PASSWORD, Member, Node, member, refused_after_s, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size, with_twins

WITHIN_S = 1.0
GIVE_UP_AFTER_S = 5.0

Way = Callable[[Node, Member, dict[str, str]], Awaitable[httpx.Response]]
"""Shuts a member out on a node; the headers are a super_admin's."""


async def deactivated(node: Node, who: Member, admin: dict[str, str]) -> httpx.Response:
    return await node.client.post(f"/v1/users/accounts/{await id_of(node, who)}/deactivate", headers=admin)


async def deleted(node: Node, who: Member, admin: dict[str, str]) -> httpx.Response:
    return await node.client.delete(f"/v1/users/accounts/{await id_of(node, who)}", headers=admin)


async def given_another_role(node: Node, who: Member, admin: dict[str, str]) -> httpx.Response:
    path = f"/v1/users/accounts/{await id_of(node, who)}/roles"
    return await node.client.post(path, headers=admin, json={"roles": ["admin"]})


async def password_changed(node: Node, who: Member, _admin: dict[str, str]) -> httpx.Response:
    body = {"current_password": PASSWORD, "new_password": f"{PASSWORD}, changed"}
    return await node.client.post("/v1/users/me/password", headers=who.headers, json=body)


async def logged_out(node: Node, who: Member, _admin: dict[str, str]) -> httpx.Response:
    return await node.client.post("/v1/users/logout", json={"refresh_token": who.tokens["refresh_token"]})


async def logged_out_everywhere(node: Node, who: Member, _admin: dict[str, str]) -> httpx.Response:
    return await node.client.post("/v1/users/logout-everywhere", headers=who.headers)


WAYS: tuple[Way, ...] = (
    deactivated,
    deleted,
    given_another_role,
    password_changed,
    logged_out,
    logged_out_everywhere,
)


async def id_of(node: Node, who: Member) -> str:
    return str((await node.client.get("/v1/users/me", headers=who.headers)).json()["id"])


@pytest.mark.parametrize("mutant", with_twins("reads_revocations_seldom"))
async def test_every_node_refuses_within_a_second(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    took_s: dict[str, list[float]] = {}
    async with serving(shared_production, nodes=2, **settings) as nodes:
        with httpx.Client(base_url=f"http://127.0.0.1:{nodes[0].port}") as client:
            admin = (await asyncio.to_thread(with_role, shared_production, client, "super_admin"))._headers
        for way in WAYS:
            for _ in range(1 if mutant else size("shut_out.times")):
                took_s.setdefault(way.__name__, []).append(await shut_out(nodes, way, admin))

    slowest = {way: max(times) for way, times in took_s.items()}
    facts = {way: f"{seconds * 1000:.0f} ms" for way, seconds in slowest.items()}
    line = f"the slowest of {sum(map(len, took_s.values()))} took {max(slowest.values()) * 1000:.0f} ms"
    clean = max(slowest.values()) <= WITHIN_S
    verdict("30 shut out", Measured(clean, line), seed=seed, mutant=mutant, **facts)


async def shut_out(nodes: list[Node], way: Way, admin: dict[str, str]) -> float:
    """Seconds from the answer of the node that shut somebody out until both nodes refuse the token."""
    who = await member(nodes[1].client)
    answer = await way(nodes[0], who, admin)
    assert answer.is_success, answer.text
    return await refused_after_s(nodes, "/v1/users/me", who.headers, within_s=GIVE_UP_AFTER_S)
