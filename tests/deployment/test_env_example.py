""".env.example is the list of all settings: each with its default, and with what the settings class says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from hedgerow_host.discovery import installed_contexts, load_contexts
from hedgerow_host.settings import HostSettings, variable_of
from tests.deployment.broken import broken

EXAMPLE = (Path(__file__).parents[2] / ".env.example").read_text()
ENTRY = re.compile(r"^# (?P<meaning>.+)\n#(?P<variable>[A-Z][A-Z0-9_]*)=(?P<default>.*)$", re.MULTILINE)
ASSIGNMENT = re.compile(r"^\s*#?\s*([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def settings_classes() -> list[type[BaseSettings]]:
    """The host's, and those of the contexts that have one."""
    contexts = (context.manifest.settings for context in load_contexts([one.name for one in installed_contexts()]))
    return [HostSettings, *(found for found in contexts if found is not None)]


def settings() -> dict[str, tuple[str, str]]:
    """Default and meaning of every setting there is, by variable; a default of None is written as nothing."""
    return {
        variable_of(name, holder.model_config["env_prefix"], field.validation_alias): (
            "" if field.default is None else str(field.default),
            field.description or "",
        )
        for holder in settings_classes()
        for name, field in holder.model_fields.items()
    }


def differences(example: str, expected: Mapping[str, tuple[str, str]]) -> list[str]:
    """What the example says wrongly, too much, or not at all."""
    entries = {entry["variable"]: (entry["default"], entry["meaning"]) for entry in ENTRY.finditer(example)}
    lines = ASSIGNMENT.findall(example)
    return [
        *(f"{variable} is missing" for variable in expected.keys() - entries.keys()),
        *(f"{variable} is no setting" for variable in {*lines} - expected.keys()),
        *(f"{variable} is listed twice" for variable in {*lines} if lines.count(variable) > 1),
        *(
            f"{variable} is {entries[variable]}, expected {expected[variable]}"
            for variable in entries.keys() & expected.keys()
            if entries[variable] != expected[variable]
        ),
        *(f"{line} is in force" for line in example.splitlines() if line and not line.startswith("#")),
    ]


def test_the_example_lists_every_setting_with_default_and_meaning() -> None:
    assert differences(EXAMPLE, settings()) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("#HEDGEROW_PORT=8000\n", "", "HEDGEROW_PORT is missing"),
        ("# Address to listen on.\n", "\n", "HEDGEROW_HOST is missing"),
        ("#USERS_ISSUER=", "#USERS_ISSUERS=", "USERS_ISSUERS is no setting"),
        ("#HEDGEROW_PORT=8000", "#HEDGEROW_PORT=8080", "HEDGEROW_PORT is ('8080'"),
        ("# Address to listen on.", "# Address.", "HEDGEROW_HOST is ('127.0.0.1', 'Address.')"),
        ("#HEDGEROW_HOST=127.0.0.1", "HEDGEROW_HOST=127.0.0.1", "HEDGEROW_HOST=127.0.0.1 is in force"),
        ("#BILLING_", "#BILLING_RECONCILE_DELAY_S=1\n#BILLING_", "BILLING_RECONCILE_DELAY_S is listed twice"),
    ],
)
def test_a_broken_example_is_noticed(old: str, new: str, complaint: str) -> None:
    complaints = differences(broken(EXAMPLE, old, new), settings())

    assert any(complaint in found for found in complaints), complaints


def test_a_setting_that_is_new_must_be_listed() -> None:
    assert differences(EXAMPLE, settings() | {"BILLING_NEW": ("1", "New.")}) == ["BILLING_NEW is missing"]


def test_taking_a_default_into_use_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    holders = settings_classes()
    for variable in settings():
        monkeypatch.delenv(variable, raising=False)
    without = [holder() for holder in holders]

    for entry in ENTRY.finditer(EXAMPLE):
        if entry["default"]:  # an empty one says that there is no default
            monkeypatch.setenv(entry["variable"], entry["default"])

    assert [holder() for holder in holders] == without
