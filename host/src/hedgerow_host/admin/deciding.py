"""How a request changes deliveries or tasks: it says what it found, and what it did with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hedgerow_core.messaging.steering import Action
from hedgerow_core.security import Principal
from hedgerow_host.admin.hosted import Hosted, decision_of
from hedgerow_host.admin.requests import DecisionModel, RetryModel
from hedgerow_host.operations import changes, declared, reads
from hedgerow_host.operations.changes import AT_ONCE, Changed


async def decide(
    hosted: Hosted, action: Action, body: DecisionModel, caller: Principal, *, tasks: bool
) -> dict[str, Any]:
    """Change what the body chooses, `AT_ONCE` at most; in a dry run, say what would become of it.

    Raises:
        ValidationError: nothing is chosen, or the context is not hosted here.
    """
    which, ledgers = body.filter(tasks=tasks), hosted.ledgers(body.context)
    found = await reads.count(ledgers, which)
    if body.dry_run:
        done = Changed(remaining=await reads.remaining(ledgers, action, which))
        return _answer(found, done, await _rehearsed(hosted, body, tasks=tasks))
    decision = decision_of(caller, body.why)
    return _answer(found, await changes.decide(ledgers, action, which, decision, at_most=AT_ONCE), [])


async def _rehearsed(hosted: Hosted, body: DecisionModel, *, tasks: bool) -> list[dict[str, Any]]:
    """Only a retry runs anything, so only a retry has something to rehearse."""
    if not isinstance(body, RetryModel):
        return []
    contexts = hosted.chosen(body.context)
    return await declared.rehearse_retry(contexts, body.filter(tasks=tasks), limit=body.limit)


def _answer(found: reads.Counts, done: Changed, rehearsed: list[dict[str, Any]]) -> dict[str, Any]:
    return {"found": found, **asdict(done), "rehearsed": rehearsed}
