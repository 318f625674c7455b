"""Loyalty: points for paid invoices.

Handles:
    GetPoints (query)
Consumes:
    billing.invoice_paid v1
    billing.invoice_refunded v1
Publishes:
    loyalty.points_earned v1
    loyalty.points_taken_back v1
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from hedgerow_core.application import Bus, QueryHandler
from hedgerow_core.http import ContextRouter
from hedgerow_core.messaging import Subscription
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, Subscriptions, hookimpl
from hedgerow_core.security import Permission
from hedgerow_loyalty.application.queries.get_points import GetPoints
from hedgerow_loyalty.application.subscriptions import (
    PaidInvoice,
    RefundedInvoice,
    earn_points,
    take_points_back,
)
from hedgerow_loyalty.container import LoyaltyContainer
from hedgerow_loyalty.contracts import PointsEarnedV1, PointsTakenBackV1
from hedgerow_loyalty.infrastructure.published import ANSWERS
from hedgerow_loyalty.interfaces.http import loyalty_router


@hookimpl
def manifest() -> Manifest:
    """Who we are, and what may be permitted here."""
    return Manifest(
        name="loyalty",
        version=version("hedgerow-loyalty"),
        core_api=">=0.1,<0.2",
        optional=("billing",),
        permissions=(Permission("loyalty:points:read", "user", "Look at own points"),),
    )


@hookimpl
def migrations() -> MigrationHistory:
    """Where our schema comes from."""
    return MigrationHistory("hedgerow_loyalty.infrastructure.migrations")


@hookimpl
def container(core: CoreContainer) -> LoyaltyContainer:
    """What is wired to what."""
    return LoyaltyContainer(core=core)


@hookimpl
def handlers(container: LoyaltyContainer) -> Handlers:
    """What we can be asked, and by whom."""
    return Handlers(
        work=container.work,
        queries=(QueryHandler(GetPoints, container.get_points()),),
        answers=ANSWERS,
    )


@hookimpl
def subscriptions() -> Subscriptions:
    """What we tell others, and what we listen to."""
    return Subscriptions(
        publishes=(PointsEarnedV1, PointsTakenBackV1),
        subscribes=(
            Subscription(
                name="loyalty.earn_points",
                event="billing.invoice_paid",
                model=PaidInvoice,
                handle=earn_points,
            ),
            Subscription(
                name="loyalty.take_points_back",
                event="billing.invoice_refunded",
                model=RefundedInvoice,
                handle=take_points_back,
            ),
        ),
    )


@hookimpl
def routes(bus: Bus) -> Sequence[ContextRouter]:
    """What we serve over HTTP."""
    return (loyalty_router(bus),)
