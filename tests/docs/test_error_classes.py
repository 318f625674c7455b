"""Every error that we define is told with a code, a cause and a fix, or ends where nobody sees it."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterable

from hedgerow_core.plugin import UnusableSetting
from hedgerow_host.exits import HostError
from hedgerow_host.problems import Problem
from tests.docs.markdown import DOCS, table
from tests.docs.test_reference import UNSET, assert_same, names_used_in, sources


def errors_without_code(modules: Iterable[str]) -> set[str]:
    """Exception classes that these modules define, and that are no domain errors."""
    classes = {
        node.name: {name for base in node.bases for name in names_used_in(base)}
        for module in modules
        for node in ast.walk(ast.parse(module))
        if isinstance(node, ast.ClassDef)
    }

    def above(name: str) -> set[str]:
        bases = classes.get(name, set())
        return bases.union(*map(above, bases))

    return {
        name
        for name in classes
        if "DomainError" not in above(name) | {name}
        and any(
            isinstance(kind := getattr(builtins, base, None), type) and issubclass(kind, BaseException)
            for base in above(name)
        )
    }


DEMAND_A_FIX = {"CompositionError": Problem, "HostError": HostError, "UnusableSetting": UnusableSetting}
"""What operators are shown: nobody can make one without saying the fix."""
SAY_THEIR_FIX = {
    "EmbeddedPostgresError": "ends a command with 3",
    "SmtpUrlMissing": "ends the start of `api` and `worker`, and is `users.E501` of `hedgerow check` before",
    "RabbitMqMissingError": "says what to install, to who tests",
    "DuplicateHandlerError": "becomes a problem of the composition, with its fix",
    "NothingOfferedError": "becomes a problem of the composition, with the file and what it must say",
    "RevisionFailed": "ends `migrate` with 1, the statement, and how to go on",
    "Unwritable": "ends `migrate --sql` with 1, and says what the revision must leave to SQL",
    "CrossedBoundaryError": "fails the test that has crossed a boundary",
    "EndlessCascadeError": "fails the test whose story does not end, and names who goes on",
    "HandlersFailedError": "fails the test whose handlers have failed, and names them",
}
END_INSIDE = {
    "Broke": "becomes a problem of the composition, as `Hangs` does",
    "Hangs": "becomes a problem of the composition, with the line where it hangs",
    "LifespanFailed": "carries a problem of the composition",
    "ExportTookTooLong": "breaks off an answer that has begun, in which no problem can be told any more",
    "FailedOnPurpose": "makes the dead letter that a seed leaves",
    "FencedError": "rolls back a holder that was replaced",
    "GatewayTimeoutError": "becomes the state `unknown` of a payment",
    "GatewayUnavailableError": "becomes another attempt",
    "KeysNotReadError": "becomes the log event `keys_unread`",
    "NoPageError": "becomes the log event `feed_away`",
    "PageRefusedError": "becomes the log event `feed_away`",
    "NotThere": "carries the problems that end the start, or become the log event `remote_missing`",
    "NewerVersionError": "becomes the log event `delivery_too_new`",
    "OrphanedError": "becomes the log event `deliveries_without_handler`",
    "QuestionFailed": "becomes the code `internal_error`, and the log event `query_failed`",
    "TooLarge": "becomes the log event `query_failed`, and `QuestionFailed` for who asks",
    "UndeclaredQuestion": "is a mistake in code, found by the first test that asks",
    "_RefusedBody": "becomes the code `body_too_large` or `body_too_slow`",
    "_TakenBackError": "rolls back a rehearsal",
}


def test_every_error_has_a_code_or_demands_a_fix_or_ends_inside() -> None:
    defined = errors_without_code(path.read_text() for path in sources())

    assert_same(defined, {*DEMAND_A_FIX, *SAY_THEIR_FIX, *END_INSIDE})
    for kind in DEMAND_A_FIX.values():
        assert inspect.signature(kind).parameters["fix"].default is inspect.Parameter.empty


def test_a_new_error_without_a_code_is_noticed() -> None:
    source = (
        "class Bad(NotFoundError): ...\nclass Worse(ValueError): ...\nclass Worst(Worse): ...\nclass Fine: ...\n"
    )
    known = "class DomainError(Exception): ...\nclass NotFoundError(DomainError): ..."

    assert errors_without_code([known, source]) == {"Worse", "Worst"}


def test_every_code_says_its_cause_and_what_to_do() -> None:
    documented = table((DOCS / "reference" / "errors.md").read_text())

    assert documented

    assert [code for code, cells in documented.items() if len(cells) != 4 or UNSET in cells] == []
