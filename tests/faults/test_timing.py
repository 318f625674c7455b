"""Experiment 27: whoever asks can't tell from an answer, nor from its time, whether an address has an account.

Login, forgotten password and registration are asked in random order for known and unknown addresses, of a real API
process. The long tier demands an AUC within 0.5 ± 0.05, of 1,200 samples each. The short tier has too few samples
for that: there the same distance is allowed, and on top of it what chance makes of so few (see `timing.Z`).
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from hedgerow_core.testing.servers import free_port
from tests.cheap_hashing import AS_IN_PRODUCTION
from tests.conftest import Production
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size
from tests.faults.laboratory.supervisor import CHILD
from tests.faults.laboratory.timing import TELLS_NOTHING, Indistinct, Z, auc, deviation
from tests.processes import Process, wait_until_ready

ACCOUNTS = 8
WARM_UP = 3
OF_THE_REQUEST = {"date", "x-request-id", "ratelimit"}
PASSWORD = "correct horse battery staple"
Ask = Callable[[httpx.Client, str], httpx.Response]
Started = Callable[..., AbstractContextManager[httpx.Client]]
Samples = dict[str, dict[bool, list[float]]]


def log_in(client: httpx.Client, email: str) -> httpx.Response:
    return client.post("/v1/users/login", json={"email": email, "password": "not the password"})


def forget(client: httpx.Client, email: str) -> httpx.Response:
    return client.post("/v1/users/password/forgot", json={"email": email})


def register(client: httpx.Client, email: str) -> httpx.Response:
    return client.post("/v1/users/register", json={"email": email, "password": PASSWORD, "name": "Ann"})


ROUTES: dict[str, Ask] = {"login": log_in, "forgot": forget, "register": register}


@pytest.fixture
def started(shared_production: Production) -> Started:
    @contextmanager
    def started(mutant: str = "") -> Iterator[httpx.Client]:
        """A client of an API, a broken one if a mutant is named."""
        environment = {
            **shared_production.environment,
            **AS_IN_PRODUCTION,
            "HEDGEROW_RATE_LIMIT_PER_MINUTE": "1000000",
            "LAB_MUTANT": mutant,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        url = f"http://127.0.0.1:{free_port()}"
        arguments = ("api", "--port", url.rpartition(":")[2])
        process = Process(*arguments, folder=shared_production.folder, environment=environment, program=CHILD)
        try:
            wait_until_ready(url, process)
            with httpx.Client(base_url=url, timeout=10) as client:
                yield client
        finally:
            process.end()

    return started


def known_addresses(client: httpx.Client) -> list[str]:
    emails = [f"{uuid4().hex}@example.org" for _ in range(ACCOUNTS)]
    for email in emails:
        assert register(client, email).status_code == httpx.codes.ACCEPTED
    return emails


def measured(client: httpx.Client, rounds: int, dice: random.Random) -> tuple[Samples, list[str]]:
    """Seconds by route and whether the address was known; and the routes whose answers differ."""
    known = known_addresses(client)
    unknown = [f"{uuid4().hex}@example.org" for _ in known]
    times: Samples = defaultdict(lambda: {True: [], False: []})
    answers: dict[str, set[str]] = defaultdict(set)
    for number in range(-WARM_UP, rounds):
        asked = [(route, is_known) for route in ROUTES for is_known in (True, False)]
        dice.shuffle(asked)
        for route, is_known in asked:
            fresh = f"{uuid4().hex}@example.org" if route == "register" else dice.choice(unknown)
            email = dice.choice(known) if is_known else fresh
            started = time.perf_counter()
            answer = ROUTES[route](client, email)
            took = time.perf_counter() - started
            answers[route].add(told(answer))
            if number >= 0:
                times[route][is_known].append(took)
    return times, [route for route, different in answers.items() if len(different) > 1]


def told(answer: httpx.Response) -> str:
    """All of an answer but what names the request."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}
    body = answer.json() if answer.content else {}
    return f"{answer.status_code} {headers} { {**body, 'trace_id': ''} }"


def finding(times: Samples, differing: list[str]) -> Indistinct:
    samples = min(len(values) for of_route in times.values() for values in of_route.values())
    chance = 0.0 if LONG and samples >= 1_000 else Z * deviation(samples, samples)
    found = {route: auc(of_route[True], of_route[False]) for route, of_route in times.items()}
    return Indistinct(auc=found, allowed=TELLS_NOTHING + chance, differing=differing)


def test_no_answer_and_no_time_tells_whether_an_address_has_an_account(
    started: Started, verdict: Records, seed: int
) -> None:
    rounds = size("timing.rounds")
    with started() as client:
        times, differing = measured(client, rounds, random.Random(seed))
    verdict("27 timing", finding(times, differing), seed=seed, samples=rounds)


def test_a_build_that_hashes_only_where_it_must_is_found_out(started: Started, verdict: Records, seed: int) -> None:
    rounds, mutant = size("timing.mutant_rounds"), "looks_before_hashing"
    with started(mutant) as client:
        times, differing = measured(client, rounds, random.Random(seed))
    found = finding(times, differing)
    verdict("27 timing", found, seed=seed, mutant=mutant, shows="told_by_time", samples=rounds)


def test_the_statistic_knows_what_can_be_told_apart() -> None:
    dice = random.Random(27)
    alike = [[dice.gauss(30, 3) for _ in range(1_000)] for _ in range(2)]
    slower = [value + 3 for value in alike[1]]
    assert abs(auc(*alike) - 0.5) <= TELLS_NOTHING
    assert auc(slower, alike[0]) == pytest.approx(0.76, abs=0.03)
    assert auc([1.0], [1.0]) == 0.5
