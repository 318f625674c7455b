"""What is published and what is read are held together: at the boot, by `check`, and between two builds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hedgerow_host.catalog import compose
from hedgerow_host.checks import check
from hedgerow_host.checks.findings import Finding
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.contract_breaks import ContractBreak
from hedgerow_host.contract_diff import compare, read_build
from hedgerow_host.contracts import CONTRACT_FILE, from_json
from hedgerow_host.exits import HostError
from hedgerow_host.problems import CompositionError
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]
ROOT = Path(__file__).parents[2]
OURS = ("users", "billing")

SKY = """
    class RainFell(EventContract):
        event_type: ClassVar[str] = "sky.rain_fell"
        event_version: ClassVar[int] = {version}
        {fields}

    @hookimpl
    def subscriptions():
        return Subscriptions(publishes=(RainFell,))
"""
GARDEN = """
    class Rain(BaseModel):
        {fields}

    async def grow(event, envelope, work): ...

    @hookimpl
    def subscriptions():
        return Subscriptions(subscribes=(Subscription(
            name="garden.grow_in_rain", event="sky.rain_fell", model=Rain, handle=grow, {more}),))
"""


@pytest.fixture
def plant(install: Install) -> Callable[..., None]:
    """Install a publisher and a subscriber with these fields."""

    def plant_both(published: str, read: str, *, version: int = 1, more: str = "") -> None:
        install("sky", SKY.format(fields=published, version=version))
        install("garden", GARDEN.format(fields=read, more=more))

    return plant_both


def findings_of(*contexts: str) -> list[Finding]:
    findings, _assembly = check(HostSettings(contexts=contexts))
    return findings


def hedgerow(*arguments: str) -> tuple[int, str]:
    """Exit code and standard output."""
    result = CliRunner().invoke(verbs_behind(*arguments[:1]), list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


# Boot


def test_a_subscriber_that_cannot_read_what_is_published_here_stops_the_boot(plant: Callable[..., None]) -> None:
    plant("litres: float", "litres: int\n        since: str")

    with pytest.raises(CompositionError) as refused:
        compose(HostSettings(contexts=("sky", "garden")))

    problems = refused.value.problems
    assert [problem.subject for problem in problems] == ["garden.grow_in_rain"] * 2
    assert [problem.field for problem in problems if isinstance(problem, ContractBreak)] == ["litres", "since"]
    assert "litres is published as number and read as integer" in problems[0].what
    assert all(problem.fix for problem in problems)


def test_a_subscriber_that_can_read_it_boots(plant: Callable[..., None]) -> None:
    plant("litres: int", "litres: float\n        since: str = ''")

    assembly, _routes = compose(HostSettings(contexts=("sky", "garden")))

    assert set(assembly.names) == {"sky", "garden"}


def test_an_older_version_that_an_upcast_lifts_is_not_compared(plant: Callable[..., None]) -> None:
    plant("litres: float", "millilitres: int", more="version=2, upcasts={1: dict}")

    compose(HostSettings(contexts=("sky", "garden")))


def test_a_version_below_all_upcasts_is_refused(plant: Callable[..., None]) -> None:
    plant("litres: float", "millilitres: int", more="version=3, upcasts={2: dict}")

    with pytest.raises(CompositionError, match="version 3, which sky does not publish"):
        compose(HostSettings(contexts=("sky", "garden")))


def test_a_model_that_json_cannot_carry_is_named(plant: Callable[..., None]) -> None:
    plant("litres: int", "litres: int\n        how: __import__('collections').abc.Callable[[], int]")

    with pytest.raises(CompositionError) as refused:
        compose(HostSettings(contexts=("sky", "garden")))

    (problem,) = refused.value.problems
    assert problem.subject == "garden.grow_in_rain"
    assert "has no JSON Schema" in problem.what


# contract.json


def test_our_contract_files_are_fresh() -> None:
    stale = [finding.id for finding in findings_of(*OURS) if finding.number in ("E003", "E004")]

    assert stale == [], "run `hedgerow contracts write`"


def test_a_contract_file_that_is_missing_or_stale_is_found(plant: Callable[..., None], tmp_path: Path) -> None:
    plant("litres: int", "litres: int")
    found = {(one.id, one.subject) for one in findings_of("sky", "garden")}
    assert found == {
        ("sky.E003", f"try_sky/{CONTRACT_FILE}"),
        ("garden.E003", f"try_garden/{CONTRACT_FILE}"),
    }

    wrote, _said = hedgerow_with("sky,garden", "contracts", "write")
    assert (wrote, findings_of("sky", "garden")) == (0, [])

    file = tmp_path / "try_sky" / CONTRACT_FILE
    file.write_text(file.read_text().replace('"integer"', '"string"'))
    (stale,) = findings_of("sky", "garden")
    assert (stale.id, stale.what) == ("sky.E004", "is stale: it differs in `publishes` sky.rain_fell v1")

    file.write_text("{")
    (broken,) = findings_of("sky", "garden")
    assert (broken.id, broken.what) == ("sky.E004", "is stale: it differs in its form")


def hedgerow_with(contexts: str, *arguments: str) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEDGEROW_CONTEXTS", contexts)
        return hedgerow(*arguments)


def test_a_contract_file_is_the_same_each_time_and_can_be_read_back(
    plant: Callable[..., None], tmp_path: Path
) -> None:
    plant("litres: int", "litres: int", version=2, more="version=2, upcasts={1: dict}")
    file = tmp_path / "try_garden" / CONTRACT_FILE

    _code, first = hedgerow_with("sky,garden", "contracts", "write", "--context", "garden")
    text = file.read_text()
    _code, second = hedgerow_with("sky,garden", "contracts", "write", "--context", "garden")

    assert (first, second) == (f"garden: {file} written\n", f"garden: {file} is as it should be\n")
    assert not (tmp_path / "try_sky" / CONTRACT_FILE).exists()
    assert file.read_text() == text
    assert text.endswith("}\n")
    whole = json.loads(text)
    assert list(whole) == ["context", "version", "publishes", "subscribes"]
    (wanted,) = from_json(text).subscribes
    assert (wanted.subscription, wanted.version, wanted.oldest) == ("garden.grow_in_rain", 2, 1)


def test_a_context_that_is_not_hosted_has_no_contract_to_write(plant: Callable[..., None]) -> None:
    plant("litres: int", "litres: int")

    with pytest.raises(HostError, match="shed is not hosted here"):
        hedgerow_with("sky,garden", "contracts", "write", "--context", "shed")


# check


def test_check_numbers_its_findings_and_fails_from_the_level_that_is_asked_for(
    plant: Callable[..., None],
) -> None:
    plant("litres: int", "litres: int")
    hedgerow_with("sky,garden", "contracts", "write")

    assert hedgerow_with("sky,garden", "check") == (0, "")
    absent, said = hedgerow_with("garden", "check")
    assert absent == 0
    assert said.startswith("garden.W001 garden.grow_in_rain: listens to sky.rain_fell")
    assert "\n  fix: host sky" in said
    assert hedgerow_with("garden", "check", "--fail-level", "warning")[0] == 1


def test_check_notes_an_event_that_nobody_hears_and_does_not_fail_for_it(plant: Callable[..., None]) -> None:
    plant("litres: int", "litres: int")
    hedgerow_with("sky", "contracts", "write")

    code, said = hedgerow_with("sky", "check", "--fail-level", "warning", "--json")

    assert code == 0
    (row,) = json.loads(said)
    assert (row["id"], row["level"], row["subject"]) == ("sky.N001", "note", "sky.rain_fell")
    assert set(row) == {"id", "level", "subject", "what", "fix", "sources", "file", "line"}


def test_check_shows_every_problem_of_a_composition(install: Install, plant: Callable[..., None]) -> None:
    plant("litres: float", "litres: int")
    broken = {(one.id, one.subject) for one in findings_of("sky", "garden")}
    install("shed", "raise RuntimeError('locked')")

    assert broken == {("garden.E002", "garden.grow_in_rain")}
    (problem,) = findings_of("sky", "garden", "shed")
    assert (problem.id, problem.what) == ("shed.E001", "cannot be imported: RuntimeError: locked")
    (unknown,) = findings_of("hut")
    assert unknown.id == "host.E001"


def test_check_fails_for_a_setting_that_is_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_PORT", "many")

    code, said = hedgerow("check")

    assert code == 1
    assert "host.E005 HEDGEROW_PORT: is not acceptable" in said


def test_check_warns_of_a_version_that_a_subscriber_is_too_old_for(install: Install) -> None:
    both = SKY.format(fields="litres: int", version=1).replace(
        "publishes=(RainFell,)", "publishes=(RainFell, type('Later', (RainFell,), {'event_version': 2}))"
    )
    install("sky", both)
    install("garden", GARDEN.format(fields="litres: int", more=""))

    warned = [one for one in findings_of("sky", "garden") if one.number == "W002"]

    assert [one.subject for one in warned] == ["garden.grow_in_rain"]
    assert "up to version 1, but 2 is published" in warned[0].what


# diff


def published(*fields: str, version: int = 1, type: str = "sky.rain_fell", **kinds: str) -> dict[str, Any]:
    properties = {name: {"type": "integer"} for name in fields} | {name: {"type": k} for name, k in kinds.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": type, "version": version, "schema": schema}


def wanted(*fields: str, version: int = 1, event: str = "sky.rain_fell", **more: Any) -> dict[str, Any]:
    read = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in fields},
        "required": list(fields),
    }
    return {"subscription": "garden.grow", "event": event, "version": version, "schema": read, **more}


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the contract files of one build: `build("old", sky=[…], garden=[…])`."""

    def build_one(name: str, *, sky: list[Any] | None = None, garden: list[Any] | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for context, publishes, subscribes in (("sky", sky, []), ("garden", [], garden)):
            if publishes is None or subscribes is None:
                continue
            whole = {"context": context, "version": "1", "publishes": publishes, "subscribes": subscribes}
            place = folder / "src" / context
            place.mkdir(parents=True)
            (place / CONTRACT_FILE).write_text(json.dumps(whole))
        return folder

    return build_one


def broken_in(old: Path, new: Path) -> list[tuple[str, str, list[str]]]:
    difference = compare(read_build(old), read_build(new))
    return [(one.subject, one.field, builds) for one, builds in difference.breaks.items()]


def notes_in(old: Path, new: Path) -> list[str]:
    return [f"{note.subject} {note.what}" for note in compare(read_build(old), read_build(new)).notes]


Build = Callable[..., Path]


def test_two_equal_builds_differ_in_nothing(build: Build) -> None:
    old, new = (build(name, sky=[published("litres")], garden=[wanted("litres")]) for name in ("old", "new"))

    assert (broken_in(old, new), notes_in(old, new)) == ([], [])


def test_a_dropped_field_breaks_who_reads_it_in_whichever_build(build: Build) -> None:
    old = build("old", sky=[published("litres", "since")], garden=[wanted("litres", "since")])
    new = build("new", sky=[published("litres")], garden=[wanted("litres")])
    same = build("same", sky=[published("litres")], garden=[wanted("litres", "since")])

    assert broken_in(old, new) == [("garden.grow", "since", ["old"])]
    assert broken_in(old, same) == [("garden.grow", "since", ["old", "new"])]


def test_a_field_that_nobody_reads_may_go(build: Build) -> None:
    old = build("old", sky=[published("litres", "since")], garden=[wanted("litres")])
    new = build("new", sky=[published("litres")], garden=[wanted("litres")])

    assert broken_in(old, new) == []
    assert notes_in(old, new) == ["sky.rain_fell v1 drops the field since"]


def test_an_added_field_and_a_new_event_are_noted(build: Build) -> None:
    old = build("old", sky=[published("litres")], garden=[wanted("litres")])
    new = build(
        "new", sky=[published("litres", where="string"), published(type="sky.sun_rose")], garden=[wanted("litres")]
    )

    assert broken_in(old, new) == []
    assert notes_in(old, new) == ["sky.rain_fell v1 adds the field where (string)", "sky.sun_rose v1 is new"]


def test_an_event_that_vanished_or_changed_its_version_breaks_who_wants_the_old_one(build: Build) -> None:
    old = build("old", sky=[published("litres")], garden=[wanted("litres")])
    vanished = build("vanished", sky=[], garden=[])
    gone = build("gone", garden=[])
    newer = build("newer", sky=[published("litres", version=2)], garden=[wanted("litres", version=2)])

    for new in (vanished, gone, newer):
        assert broken_in(old, new) == [("garden.grow", "", ["old"])]


def test_a_new_subscriber_whose_upcasts_reach_down_to_what_is_published_is_fine(build: Build) -> None:
    old = build("old", sky=[published("litres")], garden=[wanted("litres")])
    lifting = build("new", sky=[published("litres")], garden=[wanted("ml", version=2, oldest_version=1)])
    strict = build("strict", sky=[published("litres")], garden=[wanted("ml", version=2)])

    assert broken_in(old, lifting) == []
    assert broken_in(old, strict) == [("garden.grow", "", ["new"])]


def test_a_reader_that_needs_more_than_older_events_have_is_noted(build: Build) -> None:
    old = build("old", sky=[published("litres")], garden=[wanted("litres")])
    new = build("new", sky=[published("litres", "since")], garden=[wanted("litres", "since")])

    assert broken_in(old, new) == []
    (_added, late) = notes_in(old, new)
    assert late.startswith("garden.grow can't read sky.rain_fell version 1: since is not published")


def test_a_publisher_that_is_in_neither_build_is_said(build: Build) -> None:
    old, new = (build(name, garden=[wanted("litres")]) for name in ("old", "new"))

    assert notes_in(old, new) == ["garden.grow listens to sky.rain_fell; no contract of sky is here"]


def test_diff_prints_breaks_with_their_fix_and_fails(build: Build) -> None:
    old = build("old", sky=[published("litres")], garden=[wanted("litres")])
    new = build("new", sky=[published("amount")], garden=[wanted("amount")])

    code, said = hedgerow("contracts", "diff", str(old), str(new))
    json_code, printed = hedgerow("contracts", "diff", str(old), str(new / "src/sky/contract.json"), "--json")

    assert (code, json_code) == (1, 1)
    assert said.startswith("break: garden.grow of the old garden can't read sky.rain_fell version 1: litres")
    assert "\n  fix: " in said
    (broken,) = json.loads(printed)["breaks"]
    assert (broken["consumer"], broken["field"], broken["builds"]) == ("garden", "litres", ["old"])
    assert hedgerow("contracts", "diff", str(old), str(old)) == (0, "Nothing differs.\n")


def modules_after(*arguments: str) -> set[str]:
    """What is imported once the command has ended, in a process of its own."""
    code = """
import sys
from hedgerow_host.cli.verbs import app
try:
    app(sys.argv[1:])
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(ended.stderr.split())


def test_diff_imports_no_context_and_check_does() -> None:
    contexts = {"hedgerow_users", "hedgerow_billing"}
    folder = str(ROOT / "contexts")

    assert not contexts & modules_after("contracts", "diff", folder, folder)
    assert contexts <= modules_after("check")


@pytest.mark.parametrize(
    ("content", "what"), [(None, "no contract.json at"), ("{", "cannot be read"), ("[]", "it is no contract")]
)
def test_a_build_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None, what: str) -> None:
    if content is not None:
        (tmp_path / CONTRACT_FILE).write_text(content)

    with pytest.raises(HostError, match=what):
        read_build(tmp_path)


def test_two_contracts_of_one_context_in_one_build_are_refused(build: Build) -> None:
    first = build("first", sky=[published("litres")])
    build("second", sky=[published("amount")])

    with pytest.raises(HostError, match="two different contracts of sky"):
        read_build(first.parent)


def test_our_own_contracts_hold_together() -> None:
    ours = read_build(ROOT / "contexts")

    assert set(OURS) <= set(ours)
    assert compare(ours, ours).breaks == {}
