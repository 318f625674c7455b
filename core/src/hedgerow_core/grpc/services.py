"""What a context declares of its gRPC services: the service as its .proto says, and who answers each method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from hedgerow_core.application import RowScope
from hedgerow_core.security import Principal

if TYPE_CHECKING:
    from google.protobuf.descriptor import ServiceDescriptor  # of those contexts alone that have services


@final
@dataclass(frozen=True, slots=True)
class Call:
    """What an endpoint is told of a call besides its message. What the stages have found out is in `state`."""

    state: Mapping[str, Any]

    @property
    def caller(self) -> Principal:
        """Who calls. Not for endpoints that are public, where nobody has looked: there it raises LookupError."""
        principal: Principal = self.state["principal"]
        return principal

    @property
    def rows(self) -> RowScope:
        """Whose rows the caller reaches: its own, unless it holds what the access decision names as `all_rows`."""
        widened: RowScope | None = self.state.get("rows")
        return widened or RowScope(self.caller.subject)


Endpoint = Callable[[Any, Call], Awaitable[Any]]
"""Answers one message with another one, of the kinds that the .proto names; or raises a domain error.

Called in the event loop of the API, outside any transaction. It is cancelled when the caller's deadline has passed,
or when the caller has gone."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcService:
    """A service and its endpoints. Each states its access decision as a route does: `@permitted(…)` and the like.

    A method whose .proto says `option idempotency_level = NO_SIDE_EFFECTS` counts as a GET: a key needs the scope
    `{context}:read` for it, where no permission is asked for; any other needs `{context}:write`.
    """

    descriptor: ServiceDescriptor
    """From the generated module: `DESCRIPTOR.services_by_name["NoteService"]`. Its package is the context's name,
    alone or with more behind it (`notes`, `notes.v2`)."""
    endpoints: Mapping[str, Endpoint]
    """By the name of the method, one for each. Methods that stream are refused: nobody bounds them."""
