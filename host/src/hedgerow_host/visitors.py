"""Who may see more of `/readyz` than a probe: in `dev` everybody, elsewhere who may look at the ledger."""

from __future__ import annotations

from typing import final

from fastapi import Request

from hedgerow_core.domain import DomainError
from hedgerow_core.http import Access
from hedgerow_host.admin.permissions import READ
from hedgerow_host.assembly import Assembly
from hedgerow_host.settings import Environment


@final
class Visitors:
    """Asks the same gate as the admin API. Whoever it refuses is a probe, and is answered like one."""

    def __init__(self, assembly: Assembly) -> None:
        self._everybody = assembly.environment is Environment.DEV
        self._stages = assembly.gate.stages_for(Access(needs_principal=True, permission=READ))

    async def may_see_details(self, request: Request) -> bool:
        """Whether the request shows a token that opens the admin API. A probe shows none, and costs nothing."""
        if self._everybody:
            return True
        if "authorization" not in request.headers:
            return False
        try:
            for stage in self._stages:
                await stage(request)
        except DomainError:
            return False
        return True
