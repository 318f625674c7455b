"""Tables of another context that the code of one names: in its SQL, its models and its migrations."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from hedgerow_host.checks.findings import Place
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sources import Source, SqlFile
from hedgerow_host.extraction.plan.sql_text import lines_of, looks_like_sql, named_in

KEYS = ("ForeignKey", "ForeignKeyConstraint", "create_foreign_key")
"""What declares a foreign key in SQLAlchemy and Alembic: its columns are `schema.table.column`."""
FIX = "keep a copy of your own from its events, or ask one of its published queries"

Named = tuple[Place, str]


def foreign_tables(
    context: str, others: Collection[str], sources: Sequence[Source | SqlFile]
) -> Iterator[Obstacle]:
    """Every place in the code of the context that names a table of another one, and the other way round."""
    for source in sources:
        if source.context != context and source.context not in others:
            continue
        schemas = set(others) if source.context == context else {context}
        if isinstance(source, SqlFile):
            found = _in_file(source, schemas)
        else:
            found = iter([*_in_declarations(source, schemas), *_in_sql(source, schemas)])
        for place, named in dict.fromkeys(found):
            yield Obstacle(
                kind="foreign_table_in_code", subject=source.context, what=f"names {named}", fix=FIX, place=place
            )


def _in_file(source: SqlFile, schemas: set[str]) -> Iterator[Named]:
    for named in named_in(source.text, schemas):
        for line in lines_of(named, source.text):
            yield Place(source.file, 1 + line), named


def _in_sql(source: Source, schemas: set[str]) -> Iterator[Named]:
    for node, text in source.texts():
        if looks_like_sql(text):
            for named in named_in(text, schemas):
                for line in lines_of(named, text):
                    yield source.place(node, further=line if _has_own_lines(node, text) else 0), named


def _has_own_lines(node: ast.expr, text: str) -> bool:
    """Whether the lines of a text are those of the file, and not made of `\\n` or put together."""
    return text.count("\n") == (node.end_lineno or node.lineno) - node.lineno


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
