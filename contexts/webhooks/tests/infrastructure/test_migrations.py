"""The schema comes and goes by its history alone, and is as the code believes."""

from __future__ import annotations

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.migrations.linting import unsafe_statements
from hedgerow_core.testing import Stairway
from hedgerow_webhooks import plugin
from hedgerow_webhooks.infrastructure.tables import metadata


async def test_every_step_can_be_taken_back_and_the_tables_are_as_declared(fresh_database: DatabaseAddress) -> None:
    await Stairway(fresh_database, "webhooks", plugin.migrations()).climb(metadata)


def test_what_a_running_host_would_feel_is_meant() -> None:
    assert [each for each in unsafe_statements(plugin.migrations()) if each.meant is None] == []
