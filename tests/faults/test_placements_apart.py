"""Experiment 51: users and billing in one host, by wire, or on two hosts that suffer: the same answers and state.

The script of `tests/extraction` is played in each placement. The hosts that are apart lose replies, hear requests
twice and too late, are killed, and read their feed again. What is equal: every answer with its status, code and
details; the tables, outbox and deliveries of events of both contexts. What is not compared: ids, times, sessions,
numbers of attempts, and tasks in the ledger, whose rows tell how often a worker died; what the tasks write is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.placements import APART, TOGETHER, WIRED, Placement
from tests.extraction.playing import Faults, Outcome, played
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size

EXPERIMENT = "51 placements apart"
REREAD_EVERY = 15
ALL = Faults(stammer=0.04, kill_every_s=(2.0, 8.0) if LONG else (1.5, 4.0), reread_every=REREAD_EVERY)
ALONE = Faults(reread_every=REREAD_EVERY)
"""For mutants: nobody dies, and nothing is lost on the way, or it could be red for another reason."""
MUTANTS = {"dedupes_nothing": "billing", "moves_past_pages": "billing", "answers_differ_by_wire": "answers"}
"""And in what the difference shows."""
SUFFERS = {APART.name: ALL, WIRED.name: Faults()}
CASES = [(APART, None), *([(WIRED, None), *((APART, mutant) for mutant in MUTANTS)] if LONG else [])]
"""By wire nothing suffers: what could go wrong there goes wrong apart, too, and the long tier tells them apart."""
Together = Callable[[int], Outcome]


@pytest.fixture(scope="module")
def together(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Together:
    """How it is meant, after so many rounds."""

    @functools.cache
    def together(rounds: int) -> Outcome:
        folder = tmp_path_factory.mktemp("together") / "hosts"
        return played(TOGETHER, postgres_server, redis_url, folder, rounds=rounds)

    return together


@pytest.mark.parametrize(("placement", "mutant"), CASES)
def test_contexts_on_hosts_that_suffer_leave_what_one_host_leaves(
    together: Together,
    postgres_server: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    placement: Placement,
    mutant: str | None,
) -> None:
    rounds = 1 if mutant else size("placements_apart.rounds")
    settings = {MUTANT: mutant} if mutant else {}
    dice = replace(ALONE if mutant else SUFFERS[placement.name], seed=seed)
    other = played(
        placement, postgres_server, redis_url, tmp_path / "other", rounds=rounds, faults=dice, **settings
    )

    meant = together(rounds)
    if mutant:
        assert [name for name, hash in meant.hashes.items() if hash != other.hashes[name]] == [MUTANTS[mutant]]
    elif placement is APART:
        assert {name.split()[0] for name in other.happened} >= {"killed", "reread", "twice", "lost"}
    facts = {"placement": placement.name, "rounds": rounds, **other.told}
    verdict(EXPERIMENT, compared(meant, other), seed=seed, mutant=mutant, **facts)


def compared(together: Outcome, other: Outcome) -> Measured:
    """All hashes must be equal; where one is not, the first difference of each kind is told."""
    pairs = {name: (hash, other.hashes[name]) for name, hash in together.hashes.items()}
    told = ", ".join(f"{name} {' '.join(dict.fromkeys(pair))}" for name, pair in pairs.items())
    differences = "; ".join(told[:200] for told in together.differences(other))
    return Measured(together.hashes == other.hashes, f"{told}; {differences}" if differences else told)
