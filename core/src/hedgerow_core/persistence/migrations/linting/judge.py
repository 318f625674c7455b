"""Goes through the statements of a history with PostgreSQL's own parser, and says what each would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from postgast import PgQueryError, parse, parse_plpgsql
from postgast import nodes as ast
from postgast import pg_query_pb2 as kinds

from hedgerow_core.persistence.migrations.linting import rules
from hedgerow_core.persistence.migrations.linting.columns import added_column, column_that_must_be, scans_rows
from hedgerow_core.persistence.migrations.linting.rules import Rule
from hedgerow_core.persistence.migrations.sql import RevisionSql

Judgement = tuple[Rule, str]
"""A rule that is broken, and the table."""

_USED_BY_CODE = {
    kinds.OBJECT_TABLE,
    kinds.OBJECT_VIEW,
    kinds.OBJECT_MATVIEW,
    kinds.OBJECT_SEQUENCE,
    kinds.OBJECT_TYPE,
    kinds.OBJECT_FUNCTION,
}
_NAMED_BY_CODE = _USED_BY_CODE | {kinds.OBJECT_COLUMN}
_WRITES_ANEW = {
    kinds.AT_AlterColumnType,
    kinds.AT_SetLogged,
    kinds.AT_SetUnLogged,
    kinds.AT_SetTableSpace,
    kinds.AT_SetAccessMethod,
}
_SAME_EACH_TIME = {
    kinds.AT_ValidateConstraint,
    kinds.AT_SetNotNull,
    kinds.AT_DropNotNull,
    kinds.AT_ColumnDefault,
}


class Judge:
    """Remembers what the revisions before have made. One for each run of a history."""

    def __init__(self) -> None:
        self._made: set[str] = set()
        self._must_be: dict[tuple[str, str], str] = {}
        """By table and constraint: the column that may not be null."""
        self._proven: set[tuple[str, str]] = set()
        """Columns of which PostgreSQL knows that no row has null in them."""
        self._altered: set[str] = set()
        self._dropped: set[str] = set()

    def forget_tables(self) -> None:
        """What was made so far may have rows by now, and readers."""
        self._made.clear()

    def judge(self, revision: RevisionSql) -> Iterator[tuple[str, Judgement]]:
        """Each statement that breaks a rule."""
        self._altered.clear()
        self._dropped.clear()
        outside = [at for at, each in enumerate(revision.statements) if not each.in_transaction]
        for at, statement in enumerate(revision.statements):
            if not statement.in_transaction:
                self._altered.clear()
            runs_twice = bool(outside) and at <= outside[-1]
            # A statement that adds three checks does one thing.
            for judgement in dict.fromkeys(self._statement(statement.sql, runs_twice=runs_twice)):
                yield statement.sql, judgement

    def _statement(self, sql: str, *, runs_twice: bool) -> Iterator[Judgement]:
        try:
            parsed = [raw.stmt for raw in ast.wrap(parse(sql)).stmts]
        except PgQueryError:
            yield rules.HIDES, "it"
            return
        for node in parsed:
            if isinstance(node, ast.DoStmt):
                yield from self._block(sql)
                continue
            table = _table_of(node)
            if runs_twice and table not in self._made and not _bears_being_run_twice(node):
                yield rules.NOT_REPEATABLE, table
            yield from self._node(node, table)

    def _block(self, sql: str) -> Iterator[Judgement]:
        try:
            found = list(_statements_in(parse_plpgsql(sql)))
        except PgQueryError:
            found = [None]
        for inner in found:
            if inner is None:
                yield rules.HIDES, "it"
            else:
                yield from self._statement(inner, runs_twice=False)

    def _node(self, node: ast.AstNode, table: str) -> Iterator[Judgement]:
        match node:
            case ast.CreateStmt() | ast.CreateTableAsStmt():
                self._made.add(table)
            case ast.RenameStmt() if table in self._made:
                self._made.add(node.newname)
            case ast.DropStmt(remove_type=kinds.OBJECT_INDEX):
                self._dropped |= {names.items[-1].sval for names in node.objects} if node.missing_ok else set()
            case _ if table in self._made:
                return
            case ast.IndexStmt():
                yield from self._index(node, table)
            case ast.AlterTableStmt(objtype=kinds.OBJECT_TABLE):
                for command in node.cmds:
                    yield from ((rule, table) for rule in self._altering(command, table))
                self._altered.add(table)
            case ast.RenameStmt(rename_type=kind) if kind in _NAMED_BY_CODE:
                yield rules.BREAKS_RUNNING_CODE, table
            case ast.DropStmt(remove_type=kind) if kind in _USED_BY_CODE:
                yield rules.BREAKS_RUNNING_CODE, table
            case ast.TruncateStmt():
                yield rules.MANY_ROWS, table
            case ast.UpdateStmt(where_clause=where, from_clause=others) if where is None or others:
                yield rules.MANY_ROWS, table
            case ast.DeleteStmt(where_clause=where, using_clause=others) if where is None or others:
                yield rules.MANY_ROWS, table
            case ast.LockStmt() | ast.ReindexStmt() | ast.RefreshMatViewStmt():
                if not _is_concurrent(node):
                    yield rules.LOCKS, table
            case ast.ClusterStmt():
                yield rules.REWRITES, table
            case ast.VacuumStmt(options=options) if any(each.defname == "full" for each in options or ()):
                yield rules.REWRITES, table
            case _:
                return

    def _index(self, index: ast.IndexStmt, table: str) -> Iterator[Judgement]:
        if not index.concurrent:
            yield rules.BLOCKS_WRITES, table
        elif index.if_not_exists or index.idxname not in self._dropped:
            yield rules.INVALID_INDEX, table

    def _altering(self, command: ast.AlterTableCmd, table: str) -> Iterator[Rule]:
        definition = command.def_
        match command.subtype:
            case kinds.AT_AddColumn:
                yield from added_column(definition)
            case kinds.AT_DropColumn:
                yield rules.BREAKS_RUNNING_CODE
            case kinds.AT_SetNotNull:
                if (table, command.name) not in self._proven:
                    yield rules.SCANS
            case kinds.AT_AddConstraint:
                self._promised(definition, table)
                if scans_rows(definition):
                    yield rules.SCANS
            case kinds.AT_ValidateConstraint:
                if (column := self._must_be.get((table, command.name))) is not None:
                    self._proven.add((table, column))
                if table in self._altered:
                    yield rules.VALIDATES_UNDER_LOCK
            case kinds.AT_AttachPartition:
                if definition.name.relname not in self._made:
                    yield rules.SCANS
            case subtype if subtype in _WRITES_ANEW:
                yield rules.REWRITES

    def _promised(self, constraint: ast.Constraint, table: str) -> None:
        if constraint.contype == kinds.CONSTR_NOTNULL:
            column = constraint.keys[-1].sval if constraint.keys else None
        else:
            column = column_that_must_be(constraint)
        if column is not None:
            self._must_be[table, constraint.conname] = column
            if not constraint.skip_validation:
                self._proven.add((table, column))


def _table_of(node: ast.AstNode) -> str:
    match node:
        case ast.CreateTableAsStmt():
            return str(node.into.rel.relname)
        case ast.DropStmt():
            last = node.objects[0]
            named = last.items[-1] if isinstance(last, ast.List) else last
            return str(getattr(named, "sval", "it"))
        case ast.TruncateStmt() | ast.LockStmt():
            return str(node.relations[0].relname)
        case ast.VacuumStmt():
            return str(node.rels[0].relation.relname) if node.rels else "every table"
    relation = getattr(node, "relation", None)
    return str(relation.relname) if isinstance(relation, ast.RangeVar) else "it"


def _is_concurrent(node: ast.AstNode) -> bool:
    told = getattr(node, "concurrent", False)
    return told or any(each.defname == "concurrently" for each in getattr(node, "params", None) or ())


def _bears_being_run_twice(node: ast.AstNode) -> bool:
    match node:
        case ast.DropStmt():
            return bool(node.missing_ok)
        case ast.IndexStmt():
            return bool(node.concurrent)  # INVALID_INDEX sees to it
        case ast.CreateStmt():
            return bool(node.if_not_exists)
        case ast.AlterEnumStmt():
            return bool(node.skip_if_new_val_exists)
        case ast.AlterTableStmt():
            return all(command.missing_ok or command.subtype in _SAME_EACH_TIME for command in node.cmds)
        case ast.VariableSetStmt() | ast.VacuumStmt() | ast.ReindexStmt() | ast.RefreshMatViewStmt():
            return True
    return False


def _statements_in(parsed: Any) -> Iterator[str | None]:
    """The SQL in a block; None where it is put together while it runs."""
    if isinstance(parsed, list):
        for each in parsed:
            yield from _statements_in(each)
    elif isinstance(parsed, dict):
        for kind, value in parsed.items():
            if kind == "PLpgSQL_stmt_execsql":
                yield value["sqlstmt"]["PLpgSQL_expr"]["query"]
            elif kind == "PLpgSQL_stmt_dynexecute":
                yield None
            else:
                yield from _statements_in(value)
