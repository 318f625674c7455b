"""The yardstick of the host's own overhead: bare FastAPI with one route that answers a constant."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/v1/sundial/hour")
async def hour() -> dict[str, int]:
    return {"hour": 12}
