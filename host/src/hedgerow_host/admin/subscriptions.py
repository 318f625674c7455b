"""Subscriptions over HTTP: what stands still, pausing, resuming, replaying."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from hedgerow_core.http import Caller, ContextRouter, permitted
from hedgerow_core.messaging.replay import Replay
from hedgerow_host.admin.hosted import Hosted, decision_of
from hedgerow_host.admin.permissions import READ, STEER
from hedgerow_host.admin.requests import ReplayModel, WhyModel
from hedgerow_host.admin.schemas import PausedModel, PausingModel, ReplayedModel
from hedgerow_host.operations import changes, declared, reads
from hedgerow_host.operations.changes import AT_ONCE, Changed
from hedgerow_host.operations.declared import Replaying
from hedgerow_host.operations.rows import Row, row_of

Name = Annotated[str, Path(pattern=r"^[\w.:-]+$", max_length=200)]


def add_subscriptions(router: ContextRouter, hosted: Hosted) -> None:
    """Add the routes of subscriptions."""

    @router.get("/paused", response_model=list[PausedModel])
    @permitted(READ)
    async def list_paused() -> list[Row]:
        """List subscriptions and tasks that stand still."""
        return await reads.list_paused(hosted.ledgers())

    @router.post("/subscriptions/{name}/pause", response_model=PausingModel)
    @permitted(STEER)
    async def pause_subscription(name: Name, body: WhyModel, caller: Caller) -> Row:
        """Have nothing of a subscription or task claimed until it is resumed; what arrives waits."""
        changed = await changes.pause(hosted.ledgers(), name, decision_of(caller, body.why))
        return {"subscription": name, "paused": True, "changed": changed}

    @router.post("/subscriptions/{name}/resume", response_model=PausingModel)
    @permitted(STEER)
    async def resume_subscription(name: Name, body: WhyModel, caller: Caller) -> Row:
        """Let a paused subscription or task go on where it stood."""
        changed = await changes.resume(hosted.ledgers(), name, decision_of(caller, body.why))
        return {"subscription": name, "paused": False, "changed": changed}

    @router.post("/subscriptions/{name}/replay", response_model=ReplayedModel)
    @permitted(STEER)
    async def replay_subscription(name: Name, body: ReplayModel, caller: Caller) -> Row:
        """Carry events to a subscription that it never had; an expired feed goes on."""
        context, subscription = declared.subscription_of(hosted.contexts, name)
        replaying = Replaying(context, Replay(subscription=subscription, which=body.filter(), again=body.again))
        found = row_of(await declared.preview_replay(replaying))
        if body.dry_run:
            rehearsed = await declared.rehearse_replay(replaying, limit=body.limit)
            return found | _done(Changed(remaining=found["missing"]), None) | {"rehearsed": rehearsed}
        decision = decision_of(caller, body.why)
        carried = await declared.run_replay(replaying, decision, at_most=AT_ONCE, after=body.after)
        return found | _done(*carried) | {"rehearsed": []}


def _done(done: Changed, next_after: int | None) -> Row:
    return {
        "changed": done.changed,
        "remaining": done.remaining,
        "failed": done.failed,
        "next_after": next_after,
    }
