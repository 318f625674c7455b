"""The one thing `hedgerow dev` prints by itself: where everything is, once it really answers."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import notes_on

MAX_LINES = 12
MAX_REASON = 120


async def banner(assembly: Assembly, url: str, address: DatabaseAddress, embedded_in: Path | None) -> str:
    """At most `MAX_LINES` lines."""
    contexts = " · ".join(f"{context.name} {context.loaded.manifest.version}" for context in assembly.contexts)
    notes = [note for name in assembly.names for note in notes_on(assembly, name)]
    place = f"embedded in {embedded_in}/" if embedded_in else str(address)
    lines = [
        f"Hedgerow {version('hedgerow-host')} · {assembly.environment}",
        f"  contexts  {contexts or 'none installed'}",
        *(f"  left out  {reason}" for reason in _left_out(assembly)[:2]),
        *(f"  note      {note}" for note in notes[:3]),
        f"  database  {await _server_version(assembly)}{place}",
        "  worker    in this process",
        f"  api       {url}",
        f"  docs      {url}/docs",
        "  next      make demo  (plays register → invoice → paid on a host of its own)",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines[:MAX_LINES]) + "\n"


def _left_out(assembly: Assembly) -> list[str]:
    """Who is in quarantine, each with its first problem."""
    return [f"{problems[0].in_short[:MAX_REASON]}" for problems in assembly.quarantine.problems.values()]


async def _server_version(assembly: Assembly) -> str:
    if not assembly.contexts:
        return ""
    async with assembly.contexts[0].database.reading() as connection:
        number = (await connection.execute(text("SHOW server_version"))).scalar_one()
    return f"PostgreSQL {str(number).split(' ')[0]}, "
