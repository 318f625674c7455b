"""The yardstick of starts and memory: what every such host imports, and one route that reads one row."""

from __future__ import annotations

import os

import alembic.command
import alembic.config
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["BARE_DATABASE_URL"])
app = FastAPI()
imported = (alembic.command, alembic.config)


@app.get("/one")
async def one() -> int | None:
    async with engine.connect() as connection:
        found: int | None = await connection.scalar(text("SELECT 1"))
        return found
