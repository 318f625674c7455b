"""The router of the admin API: reads first, then what changes something."""

from __future__ import annotations

from hedgerow_core.http import ContextRouter
from hedgerow_host.admin.audit import add_audit
from hedgerow_host.admin.deliveries import add_deliveries
from hedgerow_host.admin.events import add_events
from hedgerow_host.admin.hosted import Hosted
from hedgerow_host.admin.subscriptions import add_subscriptions
from hedgerow_host.admin.tasks import add_tasks

NAME = "host"
"""Tag and first part of the operations' ids."""
PREFIX = "/v1/_host"
"""No context can be named so: a context's name begins with a letter."""


def admin_router(hosted: Hosted) -> ContextRouter:
    """All routes of the admin API, on the contexts of this process."""
    router = ContextRouter(NAME, prefix=PREFIX)
    for add in (add_events, add_deliveries, add_tasks, add_subscriptions, add_audit):
        add(router, hosted)
    return router
