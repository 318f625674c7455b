"""For tests of contexts and hosts: real servers that come along, and a clock that can be moved.

Installing `hedgerow-core[testing]` registers the pytest plugin; its fixtures are in `plugin.py`.
"""

from hedgerow_core.testing.cascade import Cascade, EndlessCascadeError, HandlersFailedError, Workplace
from hedgerow_core.testing.clock import FakeClock
from hedgerow_core.testing.contexts import (
    Rows,
    WorkOff,
    bus_of,
    context_database,
    rows_of,
    work_off_all,
    worker_of,
)
from hedgerow_core.testing.crossings import CrossedBoundaryError, Crossings
from hedgerow_core.testing.database_clock import DatabaseClock
from hedgerow_core.testing.local_issuer import LocalIssuer
from hedgerow_core.testing.migrated import MigratedDatabases
from hedgerow_core.testing.rabbitmq import RabbitMqServer
from hedgerow_core.testing.servers import RedisServer
from hedgerow_core.testing.stairway import Stairway

__all__ = [
    "Cascade",
    "CrossedBoundaryError",
    "Crossings",
    "DatabaseClock",
    "EndlessCascadeError",
    "FakeClock",
    "HandlersFailedError",
    "LocalIssuer",
    "MigratedDatabases",
    "RabbitMqServer",
    "RedisServer",
    "Rows",
    "Stairway",
    "WorkOff",
    "Workplace",
    "bus_of",
    "context_database",
    "rows_of",
    "work_off_all",
    "worker_of",
]
