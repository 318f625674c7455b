"""Experiment 24: who redeems one refresh token at once gets one and the same successor; a late one ends it all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest

from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import Node, log_in, member, refused_after_s, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size

PARALLEL = 20
MUTANT_RACES = 3
WITHIN_S = 1.0 if LONG else 5.0
ME = "/v1/users/me"


@dataclass(slots=True)
class Races:
    """What came of the races."""

    chains: list[int] = field(default_factory=list)
    """For each race: how many different successors were given out, of which one that works."""
    survived: int = 0
    """Families that outlived a late reuse."""
    ended_s: list[float] = field(default_factory=list)

    def finding(self) -> Measured:
        """One chain each, and no family outlives its reuse."""
        doubled = sum(chains != 1 for chains in self.chains)
        slowest = max(self.ended_s, default=float("inf"))
        line = (
            f"{len(self.chains)} tokens, each redeemed {PARALLEL} times at once on two nodes: {doubled} without "
            f"exactly one chain; after a late reuse {self.survived} lived on, the slowest node refused after "
            f"{slowest * 1000:.0f} ms"
        )
        return Measured(not doubled and not self.survived and slowest <= WITHIN_S, line)


@pytest.mark.parametrize("mutant", [None, "checks_then_updates"])
async def test_a_refresh_token_has_one_successor_and_a_late_reuse_ends_its_family(
    shared_production: Production, verdict: Records, seed: int, mutant: str | None
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    races = Races()
    async with serving(shared_production, nodes=2, **settings) as nodes:
        somebody = await member(nodes[0].client)
        for _ in range(MUTANT_RACES if mutant else size("refresh_race.tokens")):
            await one_race(nodes, somebody.email, races)

    verdict("24 refresh races", races.finding(), seed=seed, mutant=mutant)


async def one_race(nodes: list[Node], email: str, races: Races) -> None:
    """Redeem at once, use the successor, and come again with the first token."""
    first = await log_in(nodes[0].client, email)
    answers = await asyncio.gather(
        *(redeem(nodes[nth % len(nodes)], first["refresh_token"]) for nth in range(PARALLEL))
    )
    pairs = [answer.json() for answer in answers if answer.is_success]
    successors = {pair["refresh_token"] for pair in pairs}
    races.chains.append(len(successors))
    if len(successors) != 1:
        return
    second = await redeem(nodes[1], successors.pop())
    if not second.is_success:
        races.chains[-1] = 0  # the only successor was dead at once
        return
    latest = second.json()
    assert (await redeem(nodes[0], first["refresh_token"])).status_code == httpx.codes.UNAUTHORIZED
    bearer = {"Authorization": f"Bearer {latest['access_token']}"}
    races.ended_s.append(await refused_after_s(nodes, ME, bearer, within_s=2 * WITHIN_S))
    races.survived += (await redeem(nodes[1], latest["refresh_token"])).is_success


async def redeem(node: Node, token: str) -> httpx.Response:
    """Trade the token in."""
    return await node.client.post("/v1/users/refresh", json={"refresh_token": token})
