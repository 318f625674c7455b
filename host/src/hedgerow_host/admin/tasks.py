"""Tasks and schedules over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from hedgerow_core.application import Page
from hedgerow_core.domain import NotFoundError
from hedgerow_core.http import Caller, ContextRouter, PageModel, permitted
from hedgerow_core.messaging.steering import Action
from hedgerow_host.admin.deciding import decide
from hedgerow_host.admin.hosted import Hosted, decision_of
from hedgerow_host.admin.permissions import READ, STEER
from hedgerow_host.admin.requests import DecisionModel, DeliveryQuery, RetryModel, RunRequestModel
from hedgerow_host.admin.schemas import ChangedModel, DeliveryModel, FullDeliveryModel, RunModel, ScheduleModel
from hedgerow_host.operations import declared, reads
from hedgerow_host.operations.rows import Row


def add_tasks(router: ContextRouter, hosted: Hosted) -> None:
    """Add the routes of tasks and of schedules, which make tasks."""

    @router.get("/tasks", response_model=PageModel[DeliveryModel])
    @permitted(READ)
    async def list_tasks(query: Annotated[DeliveryQuery, Query()]) -> Page[Row]:
        """List tasks, the latest recorded first."""
        ledgers, which = hosted.ledgers(query.context), query.filter(tasks=True)
        return await reads.list_deliveries(ledgers, which, limit=query.limit, cursor=query.cursor)

    @router.get("/tasks/{task_id}", response_model=FullDeliveryModel)
    @permitted(READ)
    async def show_task(task_id: UUID) -> Row:
        """Everything about one task."""
        rows = await reads.show_deliveries(hosted.ledgers(), task_id, tasks=True)
        if not rows:
            raise NotFoundError(f"There is no task {task_id}.")
        return rows[0]

    @router.post("/tasks/retry", response_model=ChangedModel)
    @permitted(STEER)
    async def retry_tasks(body: RetryModel, caller: Caller) -> dict[str, Any]:
        """Try dead, canceled or waiting tasks again, now."""
        return await decide(hosted, Action.RETRY, body, caller, tasks=True)

    @router.post("/tasks/cancel", response_model=ChangedModel)
    @permitted(STEER)
    async def cancel_tasks(body: DecisionModel, caller: Caller) -> dict[str, Any]:
        """Decide that tasks shall never run."""
        return await decide(hosted, Action.CANCEL, body, caller, tasks=True)

    @router.get("/schedules", response_model=list[ScheduleModel])
    @permitted(READ)
    async def list_schedules() -> list[Row]:
        """List every schedule with its last and next tick."""
        return await declared.list_schedules(hosted.contexts)

    @router.post("/schedules/{name}/run", response_model=RunModel)
    @permitted(STEER)
    async def run_schedule(name: str, body: RunRequestModel, caller: Caller) -> Row:
        """Record the task of a schedule now; its ticks stay as they are."""
        context, schedule = declared.schedule_of(hosted.contexts, name)
        if body.dry_run:
            rehearsed = await declared.rehearse_schedule(context, schedule, hosted.clock)
            return {"schedule": name, "task_id": None, "rehearsed": rehearsed}
        decision = decision_of(caller, body.why)
        id = await declared.run_schedule(context, schedule, decision, hosted.clock)
        return {"schedule": name, "task_id": id, "rehearsed": []}
