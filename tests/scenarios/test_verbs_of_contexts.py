"""A context brings verbs of its own: `hedgerow <context> …`. Who doesn't ask for them doesn't import it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.garden import GARDEN, install_garden
from tests.processes import run

FINE, MISCONFIGURED = 0, 2
VERBS = """
@hookimpl
def cli(run):
    import typer
    app = typer.Typer(help="Garden work.")

    @app.command("water")
    def water():
        async def work(container, bus):
            return container.core.context()
        typer.echo("watered the " + run(work))

    return app
"""


def test_any_context_may_bring_verbs(tmp_path: Path, unmigrated: dict[str, str]) -> None:
    install_garden(tmp_path, GARDEN + VERBS)
    environment = {**unmigrated, "PYTHONPATH": str(tmp_path), "HEDGEROW_CONTEXTS": "garden"}
    assert "Garden work." in run("garden", "--help", folder=tmp_path, environment=environment).stdout
    assert run("migrate", folder=tmp_path, environment=environment).returncode == FINE

    watered = run("garden", "water", folder=tmp_path, environment=environment)

    assert (watered.stdout, watered.returncode) == ("watered the garden\n", FINE)


@pytest.mark.parametrize(
    ("code", "word", "told"),
    [
        (GARDEN + VERBS, "gardn", "contexts with verbs of their own: garden"),
        (GARDEN + VERBS, "migrat", "did you mean migrate?"),
        (GARDEN, "garden", "the context garden brings no verbs"),
        (GARDEN + VERBS, "users", "the context users brings no verbs, or is not hosted here"),
    ],
)
def test_a_word_that_is_no_verb_is_answered_with_those_that_are(
    tmp_path: Path, code: str, word: str, told: str
) -> None:
    install_garden(tmp_path, code)
    environment = {"PYTHONPATH": str(tmp_path), "HEDGEROW_CONTEXTS": "garden"}
    refused = run(word, folder=tmp_path, environment=environment)

    assert (refused.returncode, refused.stdout) == (MISCONFIGURED, "")
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_imports_no_context(tmp_path: Path) -> None:
    install_garden(tmp_path, "raise RuntimeError('imported')")
    environment = {"PYTHONPATH": str(tmp_path)}

    assert run("--help", folder=tmp_path, environment=environment).returncode == FINE
    assert "imported" in run("garden", folder=tmp_path, environment=environment).stderr, "the twin"
