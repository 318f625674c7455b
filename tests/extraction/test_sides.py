"""How the mover reaches the two databases."""

from __future__ import annotations

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.extraction.move.preparing import address_without_password
from hedgerow_host.extraction.move.sides import _plain, key_of


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql://u:p%40ss@db:5432/x", "postgresql://u:p%40ss@db:5432/x"),
        ("postgresql://u@db/x?sslmode=verify-full", "postgresql://u@db/x?sslmode=verify-full"),
        ("postgresql://u@db/x?prepared_statement_cache_size=0", "postgresql://u@db/x"),
    ],
)
def test_an_address_is_written_as_the_driver_itself_reads_it(given: str, read: str) -> None:
    assert _plain(DatabaseAddress.parse(given)) == read


def test_what_is_remembered_of_the_target_leads_there_and_holds_no_password() -> None:
    target = DatabaseAddress.parse("postgresql://u:hunter2@db:5432/x?sslmode=require")

    remembered = address_without_password(target)

    assert "hunter2" not in remembered
    assert DatabaseAddress.parse(remembered).place == target.place


def test_contexts_and_purposes_have_locks_of_their_own() -> None:
    keys = [key_of(context, what) for context in ("users", "billing") for what in ("fence", "mover")]
    assert len(set(keys)) == 4
    assert all(0 < key < 2**63 for key in keys)
