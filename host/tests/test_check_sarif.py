"""`hedgerow check --sarif` prints SARIF 2.1.0, with a rule for each finding and a line where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pydantic
import pytest
from sarif_pydantic import Sarif
from typer.testing import CliRunner

from hedgerow_host.checks.findings import Finding, Place
from hedgerow_host.checks.meanings import MEANINGS
from hedgerow_host.checks.sarif import as_sarif
from hedgerow_host.cli.verbs import verbs_behind

Install = Callable[..., None]
HERE = Path(__file__)


def finding(number: str, *, context: str = "garden", place: Place | None = None) -> Finding:
    return Finding(context=context, number=number, subject="it", what="is so", fix="mend it", place=place)


def test_it_is_valid_and_what_is_broken_is_not() -> None:
    log = as_sarif([finding("E011", place=Place(HERE, 3)), finding("W501"), finding("N001")])

    assert Sarif.model_validate(log, strict=False).version == "2.1.0"
    assert [member for member in ("version", "runs", "$schema") if member not in log] == []
    log["runs"][0]["results"][0]["level"] = "terrible"
    with pytest.raises(pydantic.ValidationError, match="level"):
        Sarif.model_validate(log)


def test_each_finding_names_its_rule_level_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE.parents[1])
    findings = [finding("E011", place=Place(HERE, 3)), finding("E011", context="shed"), finding("N001")]

    (run,) = as_sarif(findings)["runs"]

    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E011", "N001"]
    assert rules[0]["shortDescription"]["text"] == f"{MEANINGS['E011'].what}."
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["E011", "E011", "N001"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "note"]
    first, second, _note = (result["locations"][0] for result in run["results"])
    assert first["physicalLocation"] == {
        "artifactLocation": {"uri": f"tests/{HERE.name}"},
        "region": {"startLine": 3},
    }
    assert "physicalLocation" not in second


def test_a_file_elsewhere_is_named_by_its_whole_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    (run,) = as_sarif([finding("E011", place=Place(Path("/else where/a.py"), 1))])["runs"]

    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "file:///else%20where/a.py"


def test_a_number_of_a_context_is_a_rule_of_its_own() -> None:
    (run,) = as_sarif([finding("W501", context="users"), finding("W501", context="billing")])["runs"]

    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["users.W501", "billing.W501"]


def test_the_command_prints_it(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "garden")
    install("garden", "", files={"more.py": "\nimport hedgerow_host\n"})

    ended = CliRunner().invoke(verbs_behind("check"), ["check", "--sarif"])

    Sarif.model_validate_json(ended.stdout)
    results = {one["ruleId"]: one for one in json.loads(ended.stdout)["runs"][0]["results"]}
    assert (ended.exit_code, set(results)) == (1, {"E003", "E013"})
    place = results["E013"]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("try_garden/more.py", 2)
    assert CliRunner().invoke(verbs_behind("check"), ["check", "--sarif", "--json"]).exit_code == 2
