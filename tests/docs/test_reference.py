"""The reference leaves nothing out and invents nothing: every name in it is held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from prometheus_client import CollectorRegistry, Counter
from pydantic_settings import BaseSettings

from hedgerow_core.domain import DomainError
from hedgerow_core.http.problems import STATUS_OF
from hedgerow_core.messaging import EventContract
from hedgerow_core.messaging.health import Matter
from hedgerow_core.observability import catalogue, metrics
from hedgerow_core.observability.metrics import LEDGER_GAUGES, REGISTRY, LedgerGauge
from hedgerow_core.plugin import HookSpecs
from hedgerow_core.questions import AnswerContract, QueryContract
from hedgerow_core.testing.plugin import DATABASE_URL, RABBITMQ_URL, REDIS_URL
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.cli import app
from hedgerow_host.exits import ExitCode
from hedgerow_host.settings import Environment, HostSettings, variable_of
from tests.docs.markdown import DOCS, headings_in, names_in, rows, section, table

ROOT = DOCS.parent
TUTORIAL_CONTEXT = "notes"
"""A reader who followed the tutorial has it in contexts/; the reference is not about it."""
MADE = ".copier-answers.yml"
"""Nor about contexts that a reader had made by `hedgerow new context`."""
DECISIONS = DOCS / "decisions"
UNSET = "\N{EN DASH}"
PARTS_OF_A_DECISION = ["Status", "Context", "Decision", "Consequences", "What would change our mind"]
PARTS_OF_A_HOOK = ["When", "Process", "Takes", "Returns", "If it raises"]


def our_contexts() -> list[Path]:
    """The folders of the contexts that the reference is about."""
    folders = [path.parent for path in (ROOT / "contexts").glob("*/pyproject.toml")]
    return [folder for folder in folders if folder.name != TUTORIAL_CONTEXT and not (folder / MADE).exists()]


def missing(exists: Iterable[str], documented: Iterable[str]) -> list[str]:
    """Names that exist and that nobody wrote down."""
    return sorted(set(exists) - set(documented))


def assert_same(exists: Iterable[str], documented: Iterable[str]) -> None:
    """What exists is documented, and what is documented exists."""
    exists, documented = set(exists), set(documented)
    assert exists, "the search for what exists finds nothing, and so would prove nothing"
    assert missing(exists, documented) == [], "not in the reference"
    assert missing(documented, exists) == [], "in the reference, but gone"
    assert missing({*exists, "made_up"}, documented) == ["made_up"], "the search for what is missing is blind"


@pytest.fixture(scope="module")
def reference() -> str:
    return (DOCS / "reference.md").read_text()


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The contexts of this repository, composed without a database."""
    from hedgerow_host.discovery import load_contexts

    loaded = load_contexts([folder.name for folder in our_contexts()])
    return assemble(loaded, environment=Environment.DEV, data_dir=tmp_path_factory.mktemp("data"))


# Hooks


def hooks_of(specifications: type) -> list[str]:
    return [name for name in vars(specifications) if not name.startswith("_")]


def test_every_hook_is_documented(reference: str) -> None:
    assert_same(hooks_of(HookSpecs), headings_in(section(reference, "Hooks")))


def test_a_hook_says_when_and_where_it_runs_what_it_takes_and_returns_and_what_an_exception_does(
    reference: str,
) -> None:
    for hook in hooks_of(HookSpecs):
        assert re.findall(r"^- \*\*(.+?):\*\* \S", section(reference, f"`{hook}`"), re.M) == PARTS_OF_A_HOOK, hook


def test_a_new_hook_is_noticed(reference: str) -> None:
    class More(HookSpecs):
        def made_up(self) -> None: ...

    assert missing(hooks_of(More), headings_in(section(reference, "Hooks"))) == ["made_up"]


# Settings


def settings_of(holder: type[Any]) -> dict[str, str]:
    """The variables of a settings class, each with its default as one writes it."""
    prefix = holder.model_config.get("env_prefix", "")
    return {
        variable_of(name, prefix, field.validation_alias): UNSET if field.default is None else f"`{field.default}`"
        for name, field in holder.model_fields.items()
    }


def test_every_setting_is_documented_with_its_default(reference: str, assembly: Assembly) -> None:
    of_contexts = [context.loaded.manifest.settings for context in assembly.contexts]
    holders: list[type[BaseSettings]] = [HostSettings, *(holder for holder in of_contexts if holder is not None)]
    exist = {variable: default for holder in holders for variable, default in settings_of(holder).items()}
    exist |= {DATABASE_URL: UNSET, REDIS_URL: UNSET, RABBITMQ_URL: UNSET}

    documented = table(section(reference, "Settings"))

    assert_same(exist, documented)
    assert {variable: cells[2] for variable, cells in documented.items()} == exist


def test_a_new_setting_is_noticed(reference: str) -> None:
    class MoreSettings(HostSettings):
        made_up: int = 1

    assert missing(settings_of(MoreSettings), table(section(reference, "Settings"))) == ["HEDGEROW_MADE_UP"]


# Command line


@dataclass(frozen=True, slots=True)
class Verb:
    """A command that somebody can type, and its options."""

    name: str
    options: tuple[str, ...]


def verbs_of(command: Any, name: str) -> Iterator[Verb]:
    """All verbs below a command; a group is none itself."""
    members = getattr(command, "commands", None)
    if members is None:
        yield Verb(name, tuple(max(option.opts, key=len) for option in command.params))
        return
    for member, child in members.items():
        yield from verbs_of(child, f"{name} {member}")


def verbs_of_contexts(assembly: Assembly) -> Iterator[Verb]:
    """All verbs that contexts bring along."""
    for context in assembly.contexts:
        if context.loaded.implements("cli"):
            group = typer.main.get_group(context.loaded.call("cli", run=None))
            yield from verbs_of(group, f"hedgerow {context.name}")


def test_every_verb_is_documented_with_its_options(reference: str, assembly: Assembly) -> None:
    verbs = [*verbs_of(typer.main.get_command(app), "hedgerow"), *verbs_of_contexts(assembly)]

    assert "hedgerow users create-admin" in {verb.name for verb in verbs}, "the search is blind"

    assert_same([verb.name for verb in verbs], headings_in(section(reference, "Command line")))
    for verb in verbs:
        assert_same(verb.options, table(section(reference, f"`{verb.name}`")))


def test_a_new_verb_and_a_new_option_are_noticed(reference: str) -> None:
    more = typer.Typer()
    group = typer.Typer()

    @group.command("made-up")
    def made_up(loud: bool = False) -> None: ...

    @group.command("list")
    def list_them(as_json: bool = typer.Option(False, "--json"), loud: bool = typer.Option(False)) -> None: ...

    more.add_typer(group, name="contexts")
    verbs = {verb.name: verb for verb in verbs_of(typer.main.get_command(more), "hedgerow")}

    written = headings_in(section(reference, "Command line"))
    assert missing(verbs, written) == ["hedgerow contexts made-up"]
    listed = verbs["hedgerow contexts list"]
    assert missing(listed.options, table(section(reference, f"`{listed.name}`"))) == ["--loud"]


def test_every_exit_code_is_documented(reference: str) -> None:
    documented = table(section(reference, "Command line"))

    assert_same([str(code.value) for code in ExitCode], [name for name in documented if name.isdigit()])


# Error codes


def sources() -> list[Path]:
    """Every module of the host, of core and of the contexts."""
    roots = [ROOT / "core/src", ROOT / "host/src", *(folder / "src" for folder in our_contexts())]
    return [path for root in roots for path in root.rglob("*.py")]


def strings_in(node: ast.AST) -> Iterator[str]:
    """Every string that stands in an expression."""
    for found in ast.walk(node):
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value


def constants_of(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The strings in each constant of these modules, by the constant's name."""
    constants: dict[str, set[str]] = {}
    for statement in (statement for tree in trees for statement in tree.body if isinstance(statement, ast.Assign)):
        for name in (name for target in statement.targets for name in names_used_in(target) if name.isupper()):
            constants.setdefault(name, set()).update(strings_in(statement.value))
    return constants


def written_codes(modules: Iterable[str]) -> set[str]:
    """Every code that these modules hand over as `code=…`: literally, or by a constant of one of them."""
    trees = [ast.parse(module) for module in modules]
    constants = constants_of(trees)
    calls = (call for tree in trees for call in ast.walk(tree) if isinstance(call, ast.Call))
    codes: set[str] = set()
    for value in (keyword.value for call in calls for keyword in call.keywords if keyword.arg == "code"):
        codes.update(strings_in(value), *(constants.get(name, ()) for name in names_used_in(value)))
    return codes


def names_used_in(node: ast.AST) -> Iterator[str]:
    """Every plain name in an expression or a target."""
    return (found.id for found in ast.walk(node) if isinstance(found, ast.Name))


def errors_of(packages: Iterable[str]) -> list[type[DomainError]]:
    """Every domain error that these packages define."""

    def below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
        yield kind
        for derived in kind.__subclasses__():
            yield from below(derived)

    return [error for error in below(DomainError) if error.__module__.partition(".")[0] in set(packages)]


def status_of(error: type[DomainError]) -> str:
    return str(next(STATUS_OF[kind] for kind in error.__mro__ if kind in STATUS_OF).value)


@pytest.fixture(scope="module")
def errors(assembly: Assembly) -> list[type[DomainError]]:
    contexts = {context.loaded.module.__name__.partition(".")[0] for context in assembly.contexts}
    return errors_of({"hedgerow_core", "hedgerow_host", *contexts})


def test_every_error_code_is_documented(reference: str, errors: list[type[DomainError]]) -> None:
    exist = {error.code for error in errors} | written_codes(path.read_text() for path in sources())

    examples = {"billing.invoice_void", "database_away", "http_error", "method_not_allowed", "token_expired"}
    assert examples <= exist, "the search is blind: by class, by word, in a call, in a table, by constant"
    assert_same(exist, table(section(reference, "Error codes")))


def test_an_error_is_documented_with_its_status(reference: str, errors: list[type[DomainError]]) -> None:
    documented = table(section(reference, "Error codes"))

    assert {(error.code, status_of(error)) for error in errors} == {
        (error.code, documented[error.code][1]) for error in errors
    }


def test_a_new_error_code_is_noticed(reference: str) -> None:
    documented = table(section(reference, "Error codes"))
    constants = 'MADE_UP, GONE = "made_up", "not_found"\n_CODES = {1: "made_up_in_table"}'
    calls = 'raise E("…", code=MADE_UP)\nproblem(code=_CODES.get(n, "made_up_too"))\nproblem(code=error.code)'
    made_up = type("MadeUp", (DomainError,), {"code": "core.made_up", "__module__": "made_up_package.errors"})

    assert missing(written_codes([constants, calls]), documented) == ["made_up", "made_up_in_table", "made_up_too"]
    found = errors_of(["made_up_package"])
    assert found == [made_up]
    assert missing((error.code for error in found), documented) == ["core.made_up"]


# Events


def published_by(assembly: Assembly) -> list[type[EventContract]]:
    return [event for context in assembly.contexts for event in context.subscriptions.publishes]


def described(event: type[EventContract]) -> tuple[str, str, list[str]]:
    return event.event_type, str(event.event_version), list(event.model_fields)


def test_every_published_event_is_documented_with_version_and_fields(reference: str, assembly: Assembly) -> None:
    documented = table(section(reference, "Events"))
    exist = [described(event) for event in published_by(assembly)]

    assert_same([name for name, _version, _fields in exist], documented)
    assert exist == [(name, documented[name][1], names_in(documented[name][2])) for name, _v, _f in exist]


def test_a_new_event_is_noticed(reference: str) -> None:
    class MadeUpV1(EventContract):
        event_type = "users.made_up"

    name, _version, _fields = described(MadeUpV1)
    assert missing([name], table(section(reference, "Events"))) == ["users.made_up"]


# Published queries


def answered_by(assembly: Assembly) -> list[type[QueryContract]]:
    return [one.contract for context in assembly.contexts for one in context.handlers.answers]


def described_query(query: type[QueryContract]) -> tuple[str, str, list[str], list[str]]:
    return query.query_name, str(query.query_version), list(query.model_fields), list(query.answer.model_fields)


def test_every_published_query_is_documented_with_parameters_and_answer(reference: str, assembly: Assembly) -> None:
    documented = table(section(reference, "Published queries"))
    exist = [described_query(query) for query in answered_by(assembly)]

    assert_same([name for name, *_rest in exist], documented)
    told = [(name, documented[name][1], *map(names_in, documented[name][2:4])) for name, *_rest in exist]
    assert told == exist


def test_a_new_published_query_is_noticed(reference: str) -> None:
    class MadeUpV1(QueryContract):
        query_name = "users.made_up"
        answer = AnswerContract

    name, *_rest = described_query(MadeUpV1)
    assert missing([name], table(section(reference, "Published queries"))) == ["users.made_up"]


# Logs


def logged_events(source: str) -> set[str]:
    """Every event that this source logs."""
    module = ast.parse(source)
    return {
        event
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and call.args and _is_log(call.func)
        for event in strings_in(call.args[0])
    }


def _is_log(function: ast.expr) -> bool:
    logger = function.value if isinstance(function, ast.Attribute) else function
    return isinstance(logger, ast.Name) and logger.id in {"_log", "log"}


def test_every_log_event_is_documented(reference: str) -> None:
    exist = set().union(*(logged_events(path.read_text()) for path in sources()))

    assert {"request", "delivery_dead"} <= exist, "the search is blind"
    assert_same(exist, table(section(reference, "Logs")))


def test_a_new_log_event_is_noticed(reference: str) -> None:
    source = '_log.info("made_up", n=1)\nlog("request" if fine else "made_up_too")\nother.info("not ours")'

    assert missing(logged_events(source), table(section(reference, "Logs"))) == ["made_up", "made_up_too"]


# Metrics and alarms


def metrics_of(registry: CollectorRegistry, gauges: Sequence[LedgerGauge]) -> dict[str, list[str]]:
    """Every metric as Prometheus knows it, with its labels."""
    return {name: list(metric.labels) for name, metric in catalogue.metrics(registry, gauges).items()}


def test_every_metric_is_documented_with_its_labels(reference: str) -> None:
    exist = metrics_of(REGISTRY, LEDGER_GAUGES)
    documented = table(section(reference, "Metrics"))

    assert {"hedgerow_effects_total", "hedgerow_handler_duration_seconds", "hedgerow_alarm"} <= exist.keys()
    assert_same(exist, documented)
    assert {name: names_in(cells[1]) for name, cells in documented.items()} == exist


def test_every_ledger_gauge_that_is_declared_is_listed() -> None:
    declared = {gauge for gauge in vars(metrics).values() if isinstance(gauge, LedgerGauge)}

    assert declared == set(LEDGER_GAUGES)
    assert declared - set(LEDGER_GAUGES[1:]) == {LEDGER_GAUGES[0]}, "the twin"


def test_a_new_metric_is_noticed(reference: str) -> None:
    registry = CollectorRegistry()
    Counter("made_up", "…", ["context"], registry=registry)
    documented = table(section(reference, "Metrics"))

    assert missing(metrics_of(registry, [LedgerGauge("made_up_too", "…", ())]), documented) == [
        "made_up_too",
        "made_up_total",
    ]


def test_every_alarm_is_documented(reference: str) -> None:
    assert_same([str(what) for what in Matter], table(section(reference, "Alarms")))


# Decisions


def index() -> list[str]:
    """The files that the index of decisions links to."""
    return re.findall(r"^- \[\d{4}\]\((\d{4}-[\w-]+\.md)\) \S", (DECISIONS / "README.md").read_text(), re.M)


def decisions() -> list[str]:
    return sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))


def mentioned_decisions(source: str) -> set[str]:
    return set(re.findall(r"\bADR (\d{4})", source))


def test_every_decision_is_in_the_index_in_order() -> None:
    assert_same(decisions(), index())
    assert index() == sorted(index())


@pytest.mark.parametrize("decision", decisions())
def test_a_decision_has_all_its_parts_and_its_number(decision: str) -> None:
    title, *parts = headings_in((DECISIONS / decision).read_text())

    assert title.startswith(f"{decision[:4]} ")
    assert parts == PARTS_OF_A_DECISION


def test_every_decision_that_the_code_names_is_written_down() -> None:
    named = set().union(*(mentioned_decisions(path.read_text()) for path in sources()))

    assert named, "the search is blind"
    assert missing(named, {name[:4] for name in decisions()}) == []
    assert missing(mentioned_decisions("see ADR 9999"), {name[:4] for name in decisions()}) == ["9999"]


# Links and tables


def dead_links(text: str, folder: Path) -> list[str]:
    """Relative links that lead nowhere."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    return [link for link in links if not (folder / link).exists()]


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    assert dead_links(path.read_text(), path.parent) == []
    assert dead_links("[x](made-up.md)", path.parent) == ["made-up.md"]


def test_every_row_of_the_reference_is_filled_in(reference: str) -> None:
    assert [cells for cells in rows(reference) if "" in cells] == []
    assert [cells for cells in rows("|a|b|\n|---|---|\n|`x`||") if "" in cells] == [["`x`", ""]]
