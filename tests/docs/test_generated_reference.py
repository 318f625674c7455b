"""The pages of docs/reference are what the code says of itself, and nothing in them is left unexplained."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
import typer.main
from prometheus_client import CollectorRegistry, Counter
from pydantic import Field
from pydantic_settings import BaseSettings

from hedgerow_core.domain import DomainError
from hedgerow_core.observability import metrics
from hedgerow_core.observability.metrics import LEDGER_GAUGES, REGISTRY, LedgerGauge
from hedgerow_core.plugin import HookSpecs
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.checks.meanings import Meaning
from hedgerow_host.cli.keeping import differences
from hedgerow_host.cli.verbs import app
from hedgerow_host.discovery import load_contexts
from hedgerow_host.exits import ExitCode
from hedgerow_host.reference.checks import checks_page
from hedgerow_host.reference.command_line import Verb, command_line_page, verbs_of
from hedgerow_host.reference.errors import errors_page
from hedgerow_host.reference.hooks import hooks_of, hooks_page
from hedgerow_host.reference.metrics import metrics_page
from hedgerow_host.reference.pages import Reference, all_verbs, reference
from hedgerow_host.reference.settings import settings_page
from hedgerow_host.reference.words import Words
from hedgerow_host.settings import Environment, HostSettings, variables_of
from tests.docs.markdown import DOCS, headings_in, table
from tests.docs.test_reference import assert_same, our_contexts

FOLDER = DOCS / "reference"
HOSTED = sorted((folder.name for folder in our_contexts()), reverse=True)
AGAIN = f"what the code says has changed: HEDGEROW_CONTEXTS={','.join(HOSTED)} hedgerow docs reference"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The contexts of this repository, composed without a database."""
    loaded = load_contexts(HOSTED)
    return assemble(loaded, environment=Environment.DEV, data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def written(assembly: Assembly) -> Reference:
    return reference(assembly, typer.main.get_command(app))


@pytest.fixture(scope="module")
def verbs(assembly: Assembly) -> list[Verb]:
    return all_verbs(assembly, typer.main.get_command(app))


def gaps_of(page: Callable[[Words], Iterator[str]]) -> list[str]:
    """What nobody has explained on a page, each with the place where the words belong."""
    words = Words()
    assert list(page(words))
    return [str(gap) for gap in words.gaps]


# What is there


def test_the_pages_are_what_the_code_says(written: Reference) -> None:
    assert_same(written.pages, [path.name for path in FOLDER.glob("*.md")])
    for name, text in written.pages.items():
        assert differences(FOLDER / name, text) == [], AGAIN
        assert differences(FOLDER / name, text + "made up") == ["+made up"], "the twin"


def test_nothing_is_left_unexplained(written: Reference) -> None:
    assert "\n".join(map(str, written.gaps)) == ""


def test_whatever_is_declared_has_its_place(written: Reference, assembly: Assembly, verbs: list[Verb]) -> None:
    """The generator is no oracle for itself: here the names are counted by another way."""
    holders = [HostSettings, *(each.loaded.manifest.settings for each in assembly.contexts)]
    variables = [name for holder in holders if holder is not None for name in variables_of(holder)]
    families = {f"{each.name}_total" if each.type == "counter" else each.name for each in REGISTRY.collect()}
    events = {event.event_type for each in assembly.contexts for event in each.subscriptions.publishes}
    queries = {each.contract.query_name for context in assembly.contexts for each in context.handlers.answers}
    pages = written.pages

    assert_same(variables, table(pages["settings.md"]))
    assert_same({*families, *(gauge.name for gauge in LEDGER_GAUGES)}, table(pages["metrics.md"]))
    assert_same(hooks_of(HookSpecs), headings_in(pages["hooks.md"])[1:])
    assert_same(events, {heading.partition(" ")[0] for heading in headings_in(pages["events.md"])[1:]})
    assert_same(queries, {heading.partition(" ")[0] for heading in headings_in(pages["queries.md"])[1:]})
    assert_same([verb.name for verb in verbs], headings_in(pages["cli.md"])[1:])
    assert {"hedgerow dev", "hedgerow users create-admin", "hedgerow billing ledger verify"} <= {
        verb.name for verb in verbs
    }
    assert_same([str(code.value) for code in ExitCode], [name for name in table(pages["cli.md"]) if name.isdigit()])


def test_every_ledger_gauge_that_is_declared_is_listed() -> None:
    declared = {gauge for gauge in vars(metrics).values() if isinstance(gauge, LedgerGauge)}

    assert declared == set(LEDGER_GAUGES)
    assert declared - set(LEDGER_GAUGES[1:]) == {LEDGER_GAUGES[0]}, "the twin"


# What is new, and without a word


def test_a_setting_without_a_word_is_named_with_its_place() -> None:
    class Unexplained(BaseSettings):
        silent: int = 1
        short: int = Field(default=1, description="In short.")
        long: int = Field(default=1, description="In short.")
        """In full."""

    page = "\n".join(settings_page({"made_up": Unexplained}, Words()))
    [gap] = gaps_of(lambda words: settings_page({"made_up": Unexplained}, words))

    assert gap.startswith("the setting SILENT is not explained\n  fix: give `silent` of tests.docs.")
    assert "| `SHORT` | number | `1` | In short. |" in page
    assert "| `LONG` | number | `1` | In full. |" in page


def test_a_metric_without_a_word_is_named_with_its_place() -> None:
    registry = CollectorRegistry()
    Counter("made_up", "", ["context"], registry=registry)

    gaps = gaps_of(lambda words: metrics_page(registry, [LedgerGauge("made_up_too", " ", ())], words))

    assert [gap.partition(" is not")[0] for gap in gaps] == ["the metric made_up_too", "the metric made_up_total"]
    assert "its documentation" in gaps[0]


def test_an_error_without_cause_or_fix_is_named_with_its_place() -> None:
    def made_up(name: str, doc: str | None) -> type[DomainError]:
        body = {"code": f"made_up.{name}", "__module__": "made_up_package.errors", "__doc__": doc}
        return type(name, (DomainError,), body)

    kept = [
        made_up("silent", None),
        made_up("helpless", "It is so."),
        made_up("told", "It is so.\n\nFix: change it."),
    ]
    gaps = gaps_of(lambda words: errors_page({"made_up_package"}, words))
    page = "\n".join(errors_page({"made_up_package"}, Words()))

    assert [gap.partition(" is not")[0] for gap in gaps] == [
        "the error made_up.silent",
        "the way out of the error made_up.silent",
        "the way out of the error made_up.helpless",
    ]
    assert "a paragraph `Fix: …`" in gaps[1]
    assert f"| `{kept[2].code}` | 400 | It is so. | Change it. |" in page


def test_a_verb_or_option_without_a_word_is_named_with_its_place() -> None:
    more = typer.Typer()
    group = typer.Typer()

    @group.command("made-up")
    def made_up(loud: bool = False) -> None: ...

    @group.command("told")
    def told(loud: bool = typer.Option(False, help="Loudly.")) -> None:
        """Do it.

        Exit codes: 0.

        Example: hedgerow more told
        """

    more.add_typer(group, name="more")
    more.command("other")(told)
    found = list(verbs_of(typer.main.get_command(more), "hedgerow"))

    gaps = gaps_of(lambda words: command_line_page(found, words))

    assert [gap.partition(" is not")[0] for gap in gaps] == [
        "the verb `hedgerow more made-up`",
        "`--loud` of the verb `hedgerow more made-up`",
        "how the verb `hedgerow more made-up` ends",
        "how the verb `hedgerow more made-up` is typed",
    ]
    assert "the docstring of tests.docs.test_generated_reference" in gaps[0]


def test_a_hook_without_a_word_is_named_with_its_place() -> None:
    class More(HookSpecs):
        def silent(self) -> None: ...

        def short(self) -> None:
            """Do it."""

    gaps = gaps_of(lambda words: hooks_page({}, words, More))

    assert [gap.partition(" is not")[0] for gap in gaps[:2]] == [
        "the hook silent",
        "what the hook silent has under `When:`",
    ]
    assert len(gaps) == 1 + 5 + 5
    assert "add a paragraph `When: …` to the docstring of `short`" in gaps[6]


def test_a_finding_without_a_word_is_named_with_its_place() -> None:
    gaps = gaps_of(lambda words: checks_page({}, words, {"E099": Meaning(what="It is so", fix="")}))

    assert gaps == [
        "what to do about the finding E099 is not explained\n  fix: say it in hedgerow_host.checks.meanings"
    ]


# Examples


def typed_wrongly(verb: Verb, example: str) -> str | None:
    """Why the example can't be typed; its words are read as the shell and the verb would, and nothing runs."""
    name = verb.name.split()
    words = shlex.split(example)
    if words[: len(name)] != name:
        return f"it is one of {' '.join(words[: len(name)])}"
    try:
        _parsed(verb.command, words[len(name) :])
    except Exception as wrong:
        return str(wrong) or type(wrong).__name__
    return None


def _parsed(command: Any, arguments: list[str]) -> None:
    command.make_context("example", arguments)


def test_every_example_can_be_typed(verbs: list[Verb]) -> None:
    wrong = {verb.name: typed_wrongly(verb, verb.docstring.headed["Example"]) for verb in verbs}

    assert {name: why for name, why in wrong.items() if why} == {}


def test_an_example_that_nobody_can_type_is_noticed(verbs: list[Verb]) -> None:
    seed = next(verb for verb in verbs if verb.name == "hedgerow seed")

    assert typed_wrongly(seed, "hedgerow seed --demo") is None
    assert "--made-up" in str(typed_wrongly(seed, "hedgerow seed --made-up"))
    assert typed_wrongly(seed, "hedgerow sow --demo") == "it is one of hedgerow sow"
