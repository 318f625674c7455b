"""How long requests took, by the template of their route: what a path holds never becomes a label."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Scope

from hedgerow_core.observability.labels import HTTP_METHODS, NO_ROUTE, OTHER_METHOD
from hedgerow_core.observability.metrics import HTTP_SECONDS

_observed: dict[tuple[str, str, int], Callable[[float], None]] = {}
"""By what costs nothing to find out. Bounded: routes, methods and statuses are."""


def measure(scope: Scope, status: int, seconds: float) -> None:
    """Count a request that is over. `status` is 0 if its sender was gone before the answer."""
    kind = (getattr(scope.get("route"), "path_format", NO_ROUTE), scope["method"], status)
    observe = _observed.get(kind)
    if observe is None:
        observe = _begun(*kind)
    observe(seconds)


def _begun(route: str, method: str, status: int) -> Callable[[float], None]:
    if method not in HTTP_METHODS:  # a caller may make up as many as it likes: none of them is remembered
        return HTTP_SECONDS.of(OTHER_METHOD, route, str(status)).observe
    series = HTTP_SECONDS.of(method, route, str(status))
    return _observed.setdefault((route, method, status), series.observe)
