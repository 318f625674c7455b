"""Experiment 28: whoever sprays passwords gets ten guesses an hour, wherever they come from; the owner gets in."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.conftest import Production
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.front import PASSWORD, Node, log_in, member, serving
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size

ALLOWED = 10
HOME, ELSEWHERE = "192.0.2.1", "203.0.113.250"
AT_ONCE = 5
IN_PROD = {
    "HEDGEROW_ENV": "prod",
    "HEDGEROW_TRUSTED_PROXIES": "127.0.0.0/8",
    "HEDGEROW_RATE_LIMIT_PER_MINUTE": "100000",
}
REDIS_AWAY = {"HEDGEROW_BROKER_URL": "redis://127.0.0.1:1/0"}


@pytest.mark.parametrize(
    ("name", "settings", "mutant"),
    [
        ("28 spraying", {}, None),
        ("28 spraying, Redis away", REDIS_AWAY, None),
        ("28 spraying", {}, "counts_no_guesses"),
    ],
)
async def test_ten_guesses_an_hour_and_the_owner_still_gets_in(
    shared_production: Production,
    verdict: Records,
    seed: int,
    name: str,
    settings: dict[str, str],
    mutant: str | None,
) -> None:
    told = {MUTANT: mutant} if mutant else {}
    async with serving(shared_production, **IN_PROD, **settings, **told) as (node,):
        guesses = size("spraying.guesses")
        owner = await member_at_home(node)
        answers = await sprayed(node, owner, guesses)
        at_home = await tries(node, owner, PASSWORD, HOME)
        elsewhere = await tries(node, owner, PASSWORD, ELSEWHERE)

    compared = answers[401]
    line = (
        f"{guesses} guesses from as many networks: {compared} compared, {answers[429]} refused; "
        f"the owner at home: {at_home}, from a network never seen: {elsewhere}"
    )
    clean = compared <= ALLOWED and answers.total() == compared + answers[429] and at_home == 200
    verdict(name, Measured(clean, line), seed=seed, mutant=mutant)


async def member_at_home(node: Node) -> str:
    """The address of somebody who has logged in from home before."""
    email = (await member(node.client)).email
    await log_in(node.client, email, **{"X-Forwarded-For": HOME})
    return email


async def sprayed(node: Node, email: str, guesses: int) -> Counter[int]:
    """Guess, a few at a time, each time from another network; how often each status came."""
    answers: Counter[int] = Counter()
    for begin in range(0, guesses, AT_ONCE):
        networks = [f"198.51.{nth // 250}.{nth % 250}" for nth in range(begin, min(begin + AT_ONCE, guesses))]
        answers.update(await asyncio.gather(*(tries(node, email, f"guess {at}", at) for at in networks)))
    return answers


async def tries(node: Node, email: str, password: str, network: str) -> int:
    """The status that a login from this network gets."""
    body = {"email": email, "password": password}
    headers = {"X-Forwarded-For": network}
    return (await node.client.post("/v1/users/login", json=body, headers=headers)).status_code
