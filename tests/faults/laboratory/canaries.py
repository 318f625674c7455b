"""Secrets that a host is given to sing with: where one of them turns up in the clear, it has got out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import asyncpg

_TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(slots=True)
class Canaries:
    """The secrets by name, and all places that were searched."""

    secrets: dict[str, str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    searched: int = 0
    """Characters."""

    @property
    def clean(self) -> bool:
        """Whether none was found, and something was searched."""
        return not self.found and self.searched > 0

    @property
    def leaked(self) -> int:
        """How many were found, over all places."""
        return len(self.found)

    def __str__(self) -> str:
        colour = "green" if self.clean else "RED"
        where = f": {', '.join(sorted(self.found))}" if self.found else ""
        return f"{colour}: {len(self.secrets)} secrets, {self.leaked} found in the clear{where}"

    def search(self, places: Mapping[str, str], *, but: Iterable[str] = ()) -> None:
        """Look for all secrets, as text and as the bytes of a bytea column, except those that belong there."""
        expected = set(but)
        for place, text in places.items():
            self.searched += len(text)
            self.found += [
                f"{name} in {place}"
                for name, secret in self.secrets.items()
                if name not in expected and any(form in text for form in _forms(secret))
            ]


def rows_of_all_tables(url: str) -> dict[str, str]:
    """Every column of every row of a database as text, by table."""

    async def read() -> dict[str, str]:
        connection = await asyncpg.connect(url)
        try:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            return {
                table: "\n".join(
                    row[0] for row in await connection.fetch(f"SELECT to_jsonb(t)::text FROM {table} t")
                )
                for table in tables
            }
        finally:
            await connection.close()

    return asyncio.run(read())


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield secret.encode().hex()
