"""PostgreSQL's half of the fake clock: in a test's own database, SQL's clocks jump together with the test's.

Statements that say `now()` or `clock_timestamp()` find our functions of these names, because our schema stands
before PostgreSQL's own in the search path. Between two jumps time runs on there, as a lease has to end some day.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import AdaptedConnection, event

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing.clock import FakeClock
from hedgerow_core.testing.servers import run_sql

SCHEMA = "test_clock"
_CLOCKS = {
    "now": "STABLE",
    "transaction_timestamp": "STABLE",
    "statement_timestamp": "STABLE",
    "clock_timestamp": "VOLATILE",
}

# STABLE, not IMMUTABLE: a statement that is prepared keeps the value of an immutable function for ever.
_AHEAD = (
    f"CREATE OR REPLACE FUNCTION {SCHEMA}.ahead() RETURNS interval LANGUAGE sql STABLE "
    "AS $$ SELECT interval '{microseconds} microseconds' $$"
)

# Defaults of columns have chosen their function when the table was made.
_DEFAULTS = rf"""
    DO $do$
    DECLARE late record;
    BEGIN
        FOR late IN
            SELECT a.attrelid::regclass::text AS owner, a.attname AS name, regexp_replace(
                pg_get_expr(d.adbin, d.adrelid), '\m({"|".join(_CLOCKS)})\(\)|CURRENT_TIMESTAMP',
                '{SCHEMA}.clock_timestamp()', 'g') AS expression
            FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            WHERE pg_get_expr(d.adbin, d.adrelid) ~ '\m({"|".join(_CLOCKS)})\(\)|CURRENT_TIMESTAMP'
        LOOP
            EXECUTE format('ALTER TABLE %s ALTER %I SET DEFAULT %s', late.owner, late.name, late.expression);
        END LOOP;
    END $do$
"""  # noqa: S608 - our own names

INSTALL = (
    f"CREATE SCHEMA {SCHEMA}",
    f"GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC",
    _AHEAD.format(microseconds=0),
    *(
        f"CREATE FUNCTION {SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql {volatility} "
        f"AS $$ SELECT pg_catalog.{name}() + {SCHEMA}.ahead() $$"
        for name, volatility in _CLOCKS.items()
    ),
    _DEFAULTS,
)
"""What a migrated database needs to have its clocks moved."""


class DatabaseClock:
    """Keeps one test database's clocks where the test's clock is."""

    def __init__(self, address: DatabaseAddress, clock: FakeClock) -> None:
        self._address = address
        self._clock = clock
        self._shows: datetime | None = None

    def shown_to(self, database: Database) -> None:
        """Have every connection of this context look at it. To be called before the first of them is opened."""
        path = f'SET search_path TO "{database.context}", {SCHEMA}, pg_catalog'

        def look_here(connection: AdaptedConnection, _record: object) -> None:
            async def look(driver: Any) -> None:
                await driver.execute(path)

            connection.run_async(look)

        event.listen(database.engine.sync_engine, "connect", look_here)

    async def follow(self) -> bool:
        """Jump to where the test's clock is; False if it has not moved since."""
        now = self._clock.now()
        if now == self._shows:
            return False
        ahead = now - datetime.now(UTC)
        microseconds = (ahead.days * 86_400 + ahead.seconds) * 1_000_000 + ahead.microseconds
        await asyncio.to_thread(run_sql, self._address, _AHEAD.format(microseconds=microseconds))
        self._shows = now
        return True
