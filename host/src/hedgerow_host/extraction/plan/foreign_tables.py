"""Tables of another context that the code of one names: in its SQL, its models and its migrations."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from hedgerow_host.checks.findings import Place
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sources import Source
from hedgerow_host.extraction.plan.sql_text import looks_like_sql, named_in

KEYS = ("ForeignKey", "ForeignKeyConstraint", "create_foreign_key")
"""What declares a foreign key in SQLAlchemy and Alembic: its columns are `schema.table.column`."""
FIX = "keep a copy of your own from its events, or ask one of its published queries"

Named = tuple[Place, str]


def foreign_tables(context: str, others: Collection[str], sources: Sequence[Source]) -> Iterator[Obstacle]:
    """Every place in the code of the context that names a table of another one, and the other way round."""
    for source in sources:
        if source.context != context and source.context not in others:
            continue
        schemas = set(others) if source.context == context else {context}
        found = dict.fromkeys([*_in_declarations(source, schemas), *_in_sql(source, schemas)])
        for place, named in found:
            yield Obstacle(
                kind="foreign_table_in_code", subject=source.context, what=f"names {named}", fix=FIX, place=place
            )


def _in_sql(source: Source, schemas: set[str]) -> Iterator[Named]:
    for node, text in source.texts():
        if looks_like_sql(text):
            for named in named_in(text, schemas):
                yield source.place(node, further=_lines_before(named, text, node)), named


def _lines_before(named: str, text: str, node: ast.expr) -> int:
    """Of a text over several lines, how far down the name stands; 0 if its lines are not those of the file."""
    schema, _, name = named.partition(".")
    before, found, _ = text.partition(f"{schema}.{name}")
    lines = before.count("\n") if found else 0
    return lines if node.lineno + lines <= (node.end_lineno or node.lineno) else 0


def _in_declarations(source: Source, schemas: set[str]) -> Iterator[Named]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield from _in_call(node, source, schemas)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                named = source.text_of(value)
                if source.text_of(key) == "schema" and named in schemas:
                    yield source.place(value), f"the schema {named}"


def _in_call(call: ast.Call, source: Source, schemas: set[str]) -> Iterator[Named]:
    for keyword in call.keywords:
        named = source.text_of(keyword.value)
        if (keyword.arg or "").endswith("schema") and named in schemas:
            yield source.place(keyword.value), f"the schema {named}"
    if getattr(call.func, "attr", getattr(call.func, "id", "")) in KEYS:
        for node in ast.walk(call):
            column = source.text_of(node) if isinstance(node, ast.Constant | ast.JoinedStr) else None
            schema, _, table = (column or "").partition(".")
            if schema in schemas and table and isinstance(node, ast.expr):
                yield source.place(node), f"{schema}.{table.partition('.')[0]}"
