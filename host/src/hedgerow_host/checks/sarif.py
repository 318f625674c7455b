"""Findings in SARIF 2.1.0 (OASIS), as code hosts show them beside the line."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hedgerow_host.checks.findings import Finding, Place
from hedgerow_host.checks.meanings import MEANINGS

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """A log with one run: the rules that were broken, and each finding by its rule."""
    rules = {_rule_id(finding): _rule(finding) for finding in findings}
    places = list(rules)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "hedgerow check",
                        "semanticVersion": version("hedgerow-host"),
                        "rules": list(rules.values()),
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, places.index(_rule_id(finding))) for finding in findings],
            }
        ],
    }


def _rule_id(finding: Finding) -> str:
    """A number of the host means the same for every context; a context's own is its own."""
    return finding.number if finding.number in MEANINGS else finding.id


def _rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": _rule_id(finding), "defaultConfiguration": {"level": str(finding.level)}}
    meaning = MEANINGS.get(finding.number)
    return rule | ({"shortDescription": {"text": f"{meaning.what}."}} if meaning else {})


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    what = "; ".join((finding.what, *finding.sources))
    return {
        "ruleId": _rule_id(finding),
        "ruleIndex": rule,
        "level": str(finding.level),
        "message": {"text": f"{finding.subject}: {what}. Fix: {finding.fix}"},
        "locations": [
            ({"physicalLocation": _physical(finding.place)} if finding.place else {})
            | {
                "logicalLocations": [
                    {"name": finding.subject, "fullyQualifiedName": f"{finding.context}/{finding.subject}"}
                ]
            }
        ],
    }


def _physical(place: Place) -> dict[str, Any]:
    path = Path(place.shown)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": place.line}}
