"""What a database holds beside rows, in sixteen digits."""

from __future__ import annotations

import asyncio
import hashlib

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.migrations.schema_objects import rights_lines, schema_lines


def hash_of(address: DatabaseAddress, *contexts: str) -> str:
    """The same for the same tables, indexes, functions and rights of these contexts."""

    async def read() -> list[str]:
        engine = create_async_engine(address.url, poolclass=NullPool)
        lines = []
        async with engine.connect() as connection:
            for context in contexts:
                lines += await schema_lines(connection, context)
                lines += await rights_lines(connection, context)
        return lines

    return hashlib.sha256("\n".join(asyncio.run(read())).encode()).hexdigest()[:16]
