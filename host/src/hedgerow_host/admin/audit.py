"""The trail over HTTP: who did what to whom."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from hedgerow_core.application import Page
from hedgerow_core.http import ContextRouter, PageModel, permitted
from hedgerow_host.admin.hosted import Hosted
from hedgerow_host.admin.permissions import AUDIT
from hedgerow_host.admin.requests import AuditQuery
from hedgerow_host.admin.schemas import AuditModel
from hedgerow_host.operations import reads
from hedgerow_host.operations.rows import Row


def add_audit(router: ContextRouter, hosted: Hosted) -> None:
    """Add the route of the trail."""

    @router.get("/audit", response_model=PageModel[AuditModel])
    @permitted(AUDIT)
    async def list_audit(query: Annotated[AuditQuery, Query()]) -> Page[Row]:
        """List who did what to whom, the latest first."""
        ledgers = hosted.ledgers(query.context)
        return await reads.list_audit(ledgers, query.filter(), limit=query.limit, cursor=query.cursor)
