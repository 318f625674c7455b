"""The public routes of contexts that live at other hosts: nothing of them is here, and callers are told so.

Not where they live: that address is one between hosts, and means nothing to who calls from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hedgerow_host.assembly import Assembly


def elsewhere_routes(assembly: Assembly) -> Sequence[Route]:
    """Everything below the prefixes of contexts that are remote."""
    return [
        Route(path, Elsewhere(context), include_in_schema=False)
        for context in assembly.remotes.contexts
        for path in (f"/v1/{context}", f"/v1/{context}/{{rest:path}}")
    ]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Answers for a context that lives at another host (RFC 9110 §15.5.20; ADR 0037)."""

    context: str

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Refuse. Nothing was done, so the same request may be sent again, to the other host.

        Raises:
            HTTPException: always.
        """
        raise HTTPException(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"{self.context} lives at another host by now. Send this there: your way to it is out of date.",
        )
