"""Throttling of routes: the host's quota for all of them, and further ones that an endpoint states.

A principal is counted wherever it calls from; who has none is counted by network. What is left is said in the
fields RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

from fastapi import Request
from starlette.types import Scope

from hedgerow_core.application import Claim, Quota, RateLimiter, Verdict
from hedgerow_core.http.networks import network_of

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])

MINUTE = timedelta(minutes=1)
_ATTRIBUTE = "__hedgerow_quotas__"


def throttled(name: str, *, per_minute: int, burst: int | None = None) -> Callable[[Endpoint], Endpoint]:
    """Let each caller call this so often; `burst` of the calls may come at once, all of them unless told.

    Routes that state the same name share what they count.
    """
    quota = Quota(name=name, limit=per_minute, period=MINUTE, burst=burst or per_minute)

    def state(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, (quota, *quotas_of(endpoint)))
        return endpoint

    return state


def quotas_of(endpoint: Callable[..., object]) -> tuple[Quota, ...]:
    """The quotas that an endpoint states, besides the host's."""
    stated: tuple[Quota, ...] = getattr(endpoint, _ATTRIBUTE, ())
    return stated


class Throttle:
    """Builds the stage of a route out of its quotas and the host's."""

    def __init__(self, limiter: RateLimiter, of_all_routes: Quota) -> None:
        self._limiter = limiter
        self._of_all_routes = of_all_routes

    def stage_for(self, endpoint: Callable[..., object]) -> Callable[[Request], Awaitable[None]]:
        """The stage. It comes after authentication, and costs one question to the limiter."""
        quotas = (self._of_all_routes, *quotas_of(endpoint))
        spend = self._limiter.spend

        async def throttle(request: Request) -> None:
            subject = _subject_of(request)
            verdict = await spend(*[Claim(quota, subject) for quota in quotas])
            request.scope["state"]["rate_limit"] = verdict
            verdict.demand()

        return throttle


def rate_limit_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What the answer to this request says about quotas: nothing, if it was not throttled."""
    verdict: Verdict | None = scope["state"].get("rate_limit")
    if verdict is None:
        return []
    left = ", ".join(
        [f'"{quota.name}";r={remaining};t={math.ceil(after_s)}' for quota, remaining, after_s in verdict.standings]
    )
    policies = ", ".join([_policy(quota) for quota, _, _ in verdict.standings])
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]


@lru_cache(maxsize=256)
def _policy(quota: Quota) -> str:
    return f'"{quota.name}";q={quota.limit};w={int(quota.period.total_seconds())}'


def _subject_of(request: Request) -> str:
    principal = request.scope["state"].get("principal")
    return f"principal/{principal.subject}" if principal else f"network/{network_of(request.scope)}"
