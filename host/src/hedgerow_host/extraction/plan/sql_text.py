"""Which tables, functions and sequences of other schemas a piece of SQL names.

sqlglot reads it. What it does not understand (PL/pgSQL, LOCK, pieces that are put together later) is gone through
word by word: there a name counts behind a keyword that wants a table.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # that it falls back is foreseen here

DIALECT = "postgres"
_SQL = re.compile(
    r"(?:\s|--.*\n|\()*(?:alter|analyze|and|call|comment|copy|create|cross|declare|delete|do|drop|explain|from|grant"
    r"|insert|inner|join|left|lock|merge|perform|refresh|reindex|revoke|select|set|truncate|union|update|where|with)\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_WANT_A_NAME = frozenset(
    {
        "by",
        "call",
        "copy",
        "exists",
        "from",
        "function",
        "into",
        "join",
        "lock",
        "on",
        "only",
        "perform",
        "procedure",
    }
    | {"references", "table", "truncate", "type", "update", "using", "view"}
)
_TAKE_A_NAME = frozenset({"currval", "nextval", "setval", "to_regclass"})


def looks_like_sql(text: str) -> bool:
    """Whether a text begins as statements, or pieces of them, do."""
    return _SQL.match(text) is not None


def named_in(sql: str, schemas: Collection[str]) -> list[str]:
    """What it names in one of these schemas, each once: `users.accounts`."""
    if not any(schema in sql for schema in schemas):
        return []
    found = dict.fromkeys(_named(sql, frozenset(schemas)))
    return list(found)


def lines_of(named: str, sql: str) -> list[int]:
    """On which lines of the SQL, counted from 0, a name stands that is in it; comments don't count."""
    schema, _, name = named.partition(".")
    pattern = rf'(?<!\w)"?{re.escape(schema)}"?\s*\.\s*"?{re.escape(name)}\b'
    code = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), sql)
    return [code.count("\n", 0, found.start()) for found in re.finditer(pattern, code)] or [0]


def reads_alone(sql: str) -> bool:
    """Whether it is one statement that changes nothing."""
    try:
        return isinstance(sqlglot.parse_one(sql, dialect=DIALECT), exp.Query)
    except SqlglotError:
        return False


def _named(sql: str, schemas: frozenset[str]) -> Iterator[str]:
    try:
        statements = [each for each in sqlglot.parse(sql, dialect=DIALECT) if each is not None]
    except SqlglotError:
        statements = []
    if not statements or any(isinstance(each, exp.Command | exp.Create | exp.Set) for each in statements):
        yield from _word_by_word(sql, schemas)
    for statement in statements:
        yield from _in_tree(statement, schemas)


def _in_tree(statement: exp.Expr, schemas: frozenset[str]) -> Iterator[str]:
    for table in statement.find_all(exp.Table):
        if table.db in schemas:
            yield f"{table.db}.{table.name}"
    for dot in statement.find_all(exp.Dot):
        if dot.this.name in schemas and isinstance(dot.expression, exp.Func):
            yield f"{dot.this.name}.{dot.expression.name}"
    for literal in statement.find_all(exp.Literal):
        schema, _, name = literal.name.partition(".")
        if literal.is_string and schema in schemas and name and _takes_a_name(literal.parent):
            yield literal.name


def _takes_a_name(around: exp.Expr | None) -> bool:
    if isinstance(around, exp.Cast):
        return "REG" in around.to.sql(dialect=DIALECT).upper()
    return isinstance(around, exp.Anonymous) and around.name.lower() in _TAKE_A_NAME


def _word_by_word(sql: str, schemas: frozenset[str]) -> Iterator[str]:
    try:
        words = sqlglot.tokenize(sql, dialect=DIALECT)
    except SqlglotError:
        return
    for at, word in enumerate(words):
        if word.token_type in (TokenType.HEREDOC_STRING, TokenType.STRING, TokenType.RAW_STRING):
            if looks_like_sql(word.text) or " " in word.text:
                yield from _word_by_word(word.text, schemas)
        elif word.text in schemas and _is_wanted(words, at):
            yield f"{word.text}.{words[at + 2].text}"
        elif word.text.lower() == "search_path":
            yield from (f"{each.text}.*" for each in _path_behind(words[at + 1 :]) if each.text in schemas)


def _is_wanted(words: list[Token], at: int) -> bool:
    """Whether the word is the schema in `from schema.name`, or in `schema.name(`."""
    if at + 2 >= len(words) or words[at + 1].token_type is not TokenType.DOT:
        return False
    before = words[at - 1].text.lower() if at else ""
    called = at + 3 < len(words) and words[at + 3].token_type is TokenType.L_PAREN
    return before in _WANT_A_NAME or called


def _path_behind(words: list[Token]) -> Iterator[Token]:
    for word in words:
        if word.token_type is TokenType.SEMICOLON or word.text.lower() in ("as", "set"):
            return
        yield word
