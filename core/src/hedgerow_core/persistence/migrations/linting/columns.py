"""What a column that is added to a table, or a constraint, asks of the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import nodes as ast
from postgast import pg_query_pb2 as kinds

from hedgerow_core.persistence.migrations.linting.rules import BREAKS_RUNNING_CODE, REWRITES, SCANS, Rule

_SAME_FOR_ALL_ROWS = {
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "to_timestamp",
    "make_date",
    "make_interval",
    "lower",
    "upper",
    "md5",
}
"""Functions that PostgreSQL calls once for all rows (stable and immutable ones, of those that defaults use)."""
_COUNTERS = {"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"}
_PROMISES = {kinds.CONSTR_CHECK, kinds.CONSTR_FOREIGN, kinds.CONSTR_NOTNULL}
_INDEXED = {kinds.CONSTR_PRIMARY, kinds.CONSTR_UNIQUE, kinds.CONSTR_EXCLUSION}


def added_column(column: ast.ColumnDef) -> Iterator[Rule]:
    """What ADD COLUMN does."""
    by_kind = {constraint.contype: constraint for constraint in column.constraints or ()}
    default = by_kind.get(kinds.CONSTR_DEFAULT)
    counts = kinds.CONSTR_IDENTITY in by_kind or column.type_name.names[-1].sval in _COUNTERS
    generated = by_kind.get(kinds.CONSTR_GENERATED)
    if counts or (generated and generated.generated_kind != "v") or (default and _differs_by_row(default.raw_expr)):
        yield REWRITES
    elif kinds.CONSTR_NOTNULL in by_kind and not default and not generated:
        yield BREAKS_RUNNING_CODE
    looked_at = {kinds.CONSTR_CHECK, *_INDEXED}
    if looked_at & by_kind.keys() or (default and kinds.CONSTR_FOREIGN in by_kind):
        yield SCANS


def scans_rows(constraint: ast.Constraint) -> bool:
    """Whether ADD CONSTRAINT looks at every row, or builds an index of them."""
    if constraint.contype in _PROMISES:
        return not constraint.skip_validation
    return constraint.contype in _INDEXED and not constraint.indexname


def column_that_must_be(constraint: ast.Constraint) -> str | None:
    """The column of a `CHECK (column IS NOT NULL)`."""
    test = constraint.raw_expr
    if isinstance(test, ast.NullTest) and test.nulltesttype == kinds.IS_NOT_NULL:
        field = test.arg.fields[-1] if isinstance(test.arg, ast.ColumnRef) else None
        return getattr(field, "sval", None)
    return None


def _differs_by_row(expression: ast.AstNode) -> bool:
    """A function that nobody knows may be volatile; a constant, a cast of one, `now()` are not."""
    if isinstance(expression, ast.FuncCall):
        known = expression.funcname[-1].sval in _SAME_FOR_ALL_ROWS
        return not known or any(_differs_by_row(argument) for argument in expression.args or ())
    if isinstance(expression, ast.TypeCast):
        return _differs_by_row(expression.arg)
    if isinstance(expression, ast.A_Expr):
        return _differs_by_row(expression.lexpr) or _differs_by_row(expression.rexpr)
    if isinstance(expression, ast.A_ArrayExpr):
        return any(_differs_by_row(element) for element in expression.elements or ())
    return not isinstance(expression, ast.A_Const | ast.SQLValueFunction | None)
