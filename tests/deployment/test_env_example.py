""".env.example is what `hedgerow config example` makes of the settings classes: all of them, and no secret."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from typer.testing import CliRunner

from hedgerow_host.cli.verbs import app
from hedgerow_host.discovery import installed_contexts, load_contexts
from hedgerow_host.env_example import env_example
from hedgerow_host.settings import HostSettings, variables_of
from tests.deployment.broken import broken

EXAMPLE = Path(__file__).parents[2] / ".env.example"


class HouseSettings(BaseSettings):
    """Those of a context that somebody writes."""

    model_config = SettingsConfigDict(env_prefix="HOUSE_")

    key: SecretStr = Field(default=SecretStr("not to be seen"), description="What opens it.")
    address: str = Field(description="Where it is.")
    colour: str = Field(default="#fff of 'snow' \\ milk", description="How it looks. " + "At length. " * 20)
    rooms: list[str] = Field(default_factory=lambda: ["hall", "attic"], description="What is in it.")
    height_m: float = 3.5


def everybody() -> list[str]:
    """Every context that is installed here, hosted or not."""
    return [context.name for context in installed_contexts()]


def settings_classes() -> list[type[BaseSettings]]:
    """The host's, and those of the contexts that have one."""
    contexts = (context.manifest.settings for context in load_contexts(everybody()))
    return [HostSettings, *(found for found in contexts if found is not None)]


def in_force(example: str) -> str:
    """The file of somebody who takes every # away that hides a variable."""
    return "\n".join(
        line[1:] if line.startswith("#") and line[1:2] != " " else line for line in example.splitlines()
    )


def test_the_example_is_what_the_settings_classes_make(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ",".join(everybody())
    monkeypatch.setenv("HEDGEROW_CONTEXTS", names)

    checked = CliRunner().invoke(app, ["config", "example", "--check", str(EXAMPLE)])

    fix = f"HEDGEROW_CONTEXTS={names} uv run hedgerow config example --output .env.example"
    assert checked.exit_code == 0, f"{checked.output}\n  fix: {fix}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("#HEDGEROW_PORT=8000\n", ""),
        ("#USERS_ISSUER=", "#USERS_ISSUERS="),
        ("#HEDGEROW_PORT=8000", "#HEDGEROW_PORT=8080"),
        ("# Address to listen on.", "# Address."),
        ("#HEDGEROW_HOST=127.0.0.1", "HEDGEROW_HOST=127.0.0.1"),
    ],
)
def test_another_file_is_noticed(old: str, new: str, tmp_path: Path) -> None:
    another = tmp_path / ".env.example"
    another.write_text(broken(EXAMPLE.read_text(), old, new))

    checked = CliRunner().invoke(app, ["config", "example", "--check", str(another)])

    assert isinstance(checked.exception, Exception)
    assert checked.exit_code == 1
    assert (new or old).strip("# \n").partition("=")[0] in checked.output


def test_every_variable_is_listed_once() -> None:
    listed = [line.partition("=")[0] for line in in_force(EXAMPLE.read_text()).splitlines() if line[:1].isalpha()]

    assert sorted(listed) == sorted(name for holder in settings_classes() for name in variables_of(holder))


def test_the_settings_of_any_context_can_be_listed() -> None:
    listed = env_example([HouseSettings])
    read = dotenv_values(stream=StringIO(in_force(listed)))

    assert read == {
        "HOUSE_KEY": "",
        "HOUSE_ADDRESS": "",
        "HOUSE_COLOUR": "#fff of 'snow' \\ milk",
        "HOUSE_ROOMS": '["hall", "attic"]',
        "HOUSE_HEIGHT_M": "3.5",
    }
    assert "# Where it is. Required.\n#HOUSE_ADDRESS=\n" in listed
    assert "not to be seen" not in listed
    assert max(map(len, listed.splitlines())) <= 116


def test_the_example_as_it_stands_sets_nothing() -> None:
    assert dotenv_values(stream=StringIO(EXAMPLE.read_text())) == {}
    assert dotenv_values(stream=StringIO(in_force(EXAMPLE.read_text())))["HEDGEROW_PORT"] == "8000", "the twin"


def test_taking_a_default_into_use_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    holders = settings_classes()
    for variable in (name for holder in holders for name in variables_of(holder)):
        monkeypatch.delenv(variable, raising=False)
    without = [holder() for holder in holders]

    for variable, value in dotenv_values(stream=StringIO(in_force(EXAMPLE.read_text()))).items():
        monkeypatch.setenv(variable, value or "")

    assert [holder() for holder in holders] == without
