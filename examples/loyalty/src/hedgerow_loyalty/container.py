"""What is wired to what. Built once at start; nothing here connects before it is asked to."""

from __future__ import annotations

from dependency_injector import containers, providers

from hedgerow_loyalty.application.queries.get_points import GetPointsHandler
from hedgerow_loyalty.infrastructure.readers import PostgresPointsReader
from hedgerow_loyalty.infrastructure.work import PostgresLoyaltyWork


class LoyaltyContainer(containers.DeclarativeContainer):
    """The object graph of this context."""

    core = providers.DependenciesContainer()
    """What the host gives us: name, clock, database."""

    work = providers.Factory(PostgresLoyaltyWork, context=core.context, clock=core.clock)
    """Called with a connection for every transaction."""
    points_reader = providers.ThreadSafeSingleton(PostgresPointsReader, database=core.database)

    get_points = providers.ThreadSafeSingleton(GetPointsHandler, points=points_reader)
