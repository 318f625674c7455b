"""The limits that settings put on callers: where uses are counted, and what every route allows."""

from __future__ import annotations

from datetime import timedelta

from hedgerow_core.application import Quota, RateLimiter
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.http.redis_limiter import RedisLimiter
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.broker_signs import is_rabbitmq, namespace_of
from hedgerow_host.settings import Environment, HostSettings

WIDER_IN_TESTS = 100
"""A suite is a hundred impatient callers from one address; the limits stay in force and can be met."""
BURST_SHARE = 6
"""A sixth of a minute's requests at once: a page that loads, not a loop that runs away."""


def limiter_for(settings: HostSettings, address: DatabaseAddress) -> RateLimiter:
    """Redis, if that is the broker: then all processes of the host count together. Else each for itself."""
    width = WIDER_IN_TESTS if settings.env is Environment.TEST else 1
    if settings.broker_url is None or is_rabbitmq(settings.broker_url):
        return InProcessLimiter(width=width)
    return RedisLimiter(settings.broker_url, namespace=namespace_of(address), width=width)


def quota_of_all_routes(settings: HostSettings) -> Quota:
    """What each caller may send, whatever it calls."""
    limit = settings.rate_limit_per_minute
    return Quota(name="default", limit=limit, period=timedelta(minutes=1), burst=limit // BURST_SHARE, exact=False)
