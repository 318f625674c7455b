"""Turns the scope of a question into a condition on the column that names a row's owner."""

from __future__ import annotations

from typing import Any, final

from sqlalchemy import ColumnElement, Select, bindparam

from hedgerow_core.application import RowScope

OWNER = "row_owner"
"""The parameter that holds the owner."""


@final
class Scoped:
    """A statement on rows that have owners, in both its forms. Built once, at module level."""

    def __init__(self, statement: Select[Any], owner: ColumnElement[Any]) -> None:
        self._everybodys = statement
        self._owners = statement.where(owner == bindparam(OWNER, type_=owner.type))

    def within(self, rows: RowScope) -> Select[Any]:
        """The statement that reaches these rows; to be executed with `parameters_of(rows)`."""
        return self._everybodys if rows.owner is None else self._owners


def parameters_of(rows: RowScope) -> dict[str, object]:
    """What a scoped statement needs to know, besides its own parameters."""
    return {} if rows.owner is None else {OWNER: rows.owner}
