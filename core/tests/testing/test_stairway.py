"""The stairway of the test kit notices a step that doesn't lead back, and tables that are not as declared."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text

from core.tests.histories import WriteHistory
from hedgerow_core.messaging import LEDGER
from hedgerow_core.messaging.tables import audit_entries, outbox
from hedgerow_core.persistence import DatabaseAddress, MigrationHistory
from hedgerow_core.testing import Stairway

NOTES = ("CREATE TABLE notes (id int NOT NULL PRIMARY KEY, owner text)", "DROP TABLE notes")
INDEXED = ('build_index("ix_notes", "notes (owner)")', 'drop_index("ix_notes")')
FOR_GOOD = ("CREATE TABLE books (at date NOT NULL)", 'raise NotImplementedError("books are kept")')

DECLARED = MetaData()
Table("notes", DECLARED, Column("id", Integer, primary_key=True), Column("owner", Text))


async def climbed(address: DatabaseAddress, history: MigrationHistory, tables: MetaData = DECLARED) -> str:
    """What it complains of; nothing if it is content."""
    try:
        await Stairway(address, "shop", history).climb(tables)
    except AssertionError as complaint:
        return str(complaint)
    return ""


async def test_steps_that_lead_back_and_tables_as_declared_are_fine(
    shop_and_books: DatabaseAddress, write_history: WriteHistory
) -> None:
    assert await climbed(shop_and_books, write_history(NOTES, INDEXED, FOR_GOOD)) == ""


async def test_the_ledgers_steps_lead_back_and_its_tables_are_as_declared(fresh_database: DatabaseAddress) -> None:
    await Stairway(fresh_database, "barn", LEDGER).climb(outbox.metadata, audit_entries.metadata)


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (
            (INDEXED[0], "pass"),
            "try_0002 taken back leaves another schema than was there:\n  + index ix_notes CREATE INDEX",
        ),
        (
            ("ALTER TABLE notes ADD said text", "ALTER TABLE notes DROP owner, DROP said"),
            "- column notes.owner text",
        ),
        (("CREATE TABLE IF NOT EXISTS more (id int)", "DROP TABLE notes"), "- column notes.id integer NOT NULL"),
    ],
)
async def test_a_step_that_does_not_lead_back_is_named(
    shop_and_books: DatabaseAddress, write_history: WriteHistory, step: tuple[str, str], complaint: str
) -> None:
    assert complaint in await climbed(shop_and_books, write_history(NOTES, step))


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("ALTER TABLE notes DROP owner", "notes.owner: declared, and not there"),
        (
            "ALTER TABLE notes ALTER owner TYPE int USING 1",
            "notes.owner: INTEGER() in the database, and Text() decl",
        ),
        ("ALTER TABLE notes ALTER owner SET NOT NULL", "notes.owner: may not be null in the database, and may be"),
        (
            "ALTER TABLE notes ADD said text NOT NULL",
            "notes.said: has to be given in the database, and is not decl",
        ),
        ("ALTER TABLE notes RENAME TO papers", "notes: declared, and not there"),
    ],
)
async def test_drift_is_named(
    shop_and_books: DatabaseAddress, write_history: WriteHistory, sql: str, complaint: str
) -> None:
    last = (sql, 'raise NotImplementedError("not asked for here")')
    assert complaint in await climbed(shop_and_books, write_history(NOTES, last))


async def test_a_column_more_without_which_a_row_can_do_is_no_drift(
    shop_and_books: DatabaseAddress, write_history: WriteHistory
) -> None:
    more = (
        "ALTER TABLE notes ADD said text, ADD n int NOT NULL DEFAULT 0",
        "ALTER TABLE notes DROP said, DROP n",
    )
    assert await climbed(shop_and_books, write_history(NOTES, more)) == ""
