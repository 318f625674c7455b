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
from tests.extraction.placements import APART, TOGETHER, WIRED
from tests.extraction.playing import Faults, Outcome, played
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins

EXPERIMENT = "51 placements apart"
REREAD_EVERY = 15
ALL = Faults(stammer=0.04, kill_every_s=(2.0, 8.0) if LONG else (1.5, 4.0), reread_every=REREAD_EVERY)
ALONE = Faults(reread_every=REREAD_EVERY)
"""For mutants: nobody dies, and nothing is lost on the way, or it could be red for another reason."""
MUTANTS = {"dedupes_nothing": "billing", "moves_past_pages": "billing", "answers_differ_by_wire": "answers"}
"""And in what the difference shows."""
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


def test_by_wire_everything_is_as_in_one_process(
    together: Together, postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path, verdict: Records
) -> None:
    rounds = size("placements_apart.rounds")
    wired = played(WIRED, postgres_server, redis_url, tmp_path / "wired", rounds=rounds)

    verdict(EXPERIMENT, compared(together(rounds), wired), seed=0, placement="wired", rounds=rounds)


@pytest.mark.parametrize("mutant", with_twins(*MUTANTS))
def test_hosts_apart_that_suffer_leave_what_one_host_leaves(
    together: Together,
    postgres_server: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    rounds = 1 if mutant else size("placements_apart.rounds")
    faults, settings = (ALONE, {MUTANT: mutant}) if mutant else (ALL, {})
    dice = replace(faults, seed=seed)
    apart = played(APART, postgres_server, redis_url, tmp_path / "apart", rounds=rounds, faults=dice, **settings)

    meant = together(rounds)
    if mutant:
        assert [name for name, hash in meant.hashes.items() if hash != apart.hashes[name]] == [MUTANTS[mutant]]
    else:
        assert {name.split()[0] for name in apart.happened} >= {"killed", "reread", "twice", "lost"}
    facts = {"placement": "apart", "rounds": rounds, **apart.told}
    verdict(EXPERIMENT, compared(meant, apart), seed=seed, mutant=mutant, **facts)


def compared(together: Outcome, other: Outcome) -> Measured:
    """All hashes must be equal; where one is not, the first difference of each kind is told."""
    pairs = {name: (hash, other.hashes[name]) for name, hash in together.hashes.items()}
    told = ", ".join(f"{name} {' '.join(dict.fromkeys(pair))}" for name, pair in pairs.items())
    differences = "; ".join(told[:200] for told in together.differences(other))
    return Measured(together.hashes == other.hashes, f"{told}; {differences}" if differences else told)
