"""`hedgerow docs reference` is about whatever is hosted, and names what nobody has explained."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.exits import HostError
from hedgerow_host.reference.settings import form_of, settings_page
from hedgerow_host.reference.words import Words

Install = Callable[..., None]

MILL = '''
    from pydantic import Field, SecretStr
    from pydantic_settings import SettingsConfigDict
    from hedgerow_core.application.concerns import ConcernKind
    from hedgerow_core.domain import ConflictError

    class MillSettings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="MILL_")
        stones: int = Field(default=2, ge=1, le=9{description})

    class MillStands(ConflictError):
        """There is no wind.{fix}"""
        code = "mill.stands"

    class FlourMadeV1(EventContract):{event}
        event_type: ClassVar[str] = "mill.flour_made"
        grams: int
        """Without the sack."""

    @hookimpl
    def subscriptions():
        return Subscriptions(publishes=(FlourMadeV1,))

    @hookimpl
    def cli():
        import typer
        verbs = typer.Typer()

        @verbs.callback()
        def mill() -> None: ...

        @verbs.command("grind")
        def grind(fine: bool = typer.Option(False, help="As fine as dust.")) -> None:
            """Make flour.

            Exit codes: 0.

            Example: hedgerow mill grind --fine
            """

        return verbs
'''
MANIFEST = """settings=MillSettings, concerns=(
    ConcernKind(number="W501", what="The stones are dry.", fix="Oil them.", in_production=False),
)"""
EXPLAINED = {
    "description": ', description="How many turn."',
    "fix": "\n\n        Fix: wait for it.\n        ",
    "event": '\n        """There is more flour."""',
}
SILENT = {"description": "", "fix": "", "event": ""}


def mill(words: dict[str, str]) -> str:
    code = MILL
    for name, said in words.items():
        code = code.replace(f"{{{name}}}", said)
    return code


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "mill")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "docs" / "reference"


def verb(*words: str) -> tuple[int, str]:
    """The exit code, and all that is printed or said of the error."""
    done = CliRunner().invoke(verbs_behind("docs"), ["docs", "reference", *words])
    if isinstance(done.exception, HostError):
        return done.exception.code, f"{done.output}{done.exception}"
    return done.exit_code, done.output


def test_what_a_context_brings_is_in_the_reference_of_its_host(install: Install, place: Path) -> None:
    install("mill", mill(EXPLAINED), manifest=MANIFEST)

    assert verb()[0] == 0

    assert "| `MILL_STONES` | 1 to 9 | `2` | How many turn. |" in (place / "settings.md").read_text()
    assert "| `mill.stands` | 409 | There is no wind. | Wait for it. |" in (place / "errors.md").read_text()
    assert "## `hedgerow mill grind`\n\nMake flour." in (place / "cli.md").read_text()
    assert "| As fine as dust. Also `--no-fine`. |" in (place / "cli.md").read_text()
    assert "| mill.W501 | The stones are dry. | Oil them. |" in (place / "checks.md").read_text()
    assert "- **Here in:** `mill`" in (place / "hooks.md").read_text()
    events = (place / "events.md").read_text()
    assert "## `mill.flour_made v1`\n\nThere is more flour." in events
    assert "| `grams` | integer | Without the sack. |" in events
    assert "users.email_taken" not in (place / "errors.md").read_text(), "of nobody who is not hosted"


def test_a_reference_is_held_against_the_code(install: Install, place: Path) -> None:
    install("mill", mill(EXPLAINED), manifest=MANIFEST)
    assert verb()[0] == 0
    assert verb("--check")[0] == 0
    page = place / "settings.md"
    page.write_text(page.read_text().replace("How many turn.", "How many stand."))

    code, told = verb("--check")

    assert code == 1
    assert "+| `MILL_STONES` | 1 to 9 | `2` | How many turn. |" in told
    assert "fix: hedgerow docs reference --output docs/reference" in told
    assert "How many stand." in page.read_text(), "a check writes nothing"


@pytest.mark.parametrize("words", [(), ("--check",)], ids=["written", "checked"])
def test_what_nobody_has_explained_is_named_with_the_place_where_its_words_belong(
    install: Install, place: Path, words: tuple[str, ...]
) -> None:
    # Python may still hold the classes of the other tests: a package of its own keeps them apart.
    install("mill", mill(SILENT), manifest=MANIFEST, package=f"try_silent_mill_{len(words)}")

    code, told = verb(*words)

    assert code == 1
    assert "the setting MILL_STONES is not explained\n  fix: give `stones` of " in told
    assert "the way out of the error mill.stands is not explained\n  fix: end the docstring of " in told
    assert "the event mill.flour_made v1 is not explained\n  fix: write the docstring of " in told
    assert "3 things are not explained" in told


def test_no_page_overwrites_what_somebody_wrote(install: Install, place: Path) -> None:
    install("mill", mill(EXPLAINED), manifest=MANIFEST)
    place.mkdir(parents=True)
    (place / "hooks.md").write_text("Somebody's own.")

    assert verb()[0] == 2
    assert (place / "hooks.md").read_text() == "Somebody's own."
    assert list(place.iterdir()) == [place / "hooks.md"]


class Grain(StrEnum):
    RYE = "rye"
    OATS = "oats"


class Forms(BaseSettings):
    grain: Grain | None = None
    wet: bool = False
    wait_s: float = Field(default=1.0, gt=0, le=25)
    kept_days: int = Field(default=7, ge=1)
    sacks: int = Field(default=1, ge=1, le=9)
    rooms: int = 3
    name: str = Field(default="mill", min_length=1, max_length=40)
    secret: SecretStr | None = Field(default=None, min_length=8)
    url: str = Field(examples=["http://mill", "https://mill"])
    owner: str = "nobody"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("grain", "`rye`, `oats`"),
        ("wet", "`true`, `false`"),
        ("wait_s", "seconds, more than 0, at most 25"),
        ("kept_days", "days, at least 1"),
        ("sacks", "1 to 9"),
        ("rooms", "number"),
        ("name", "1 to 40 characters"),
        ("secret", "8 characters or more"),
        ("url", "`http://mill`, `https://mill`"),
        ("owner", "text"),
    ],
)
def test_the_form_of_a_setting_is_told_by_its_examples_type_and_limits(name: str, form: str) -> None:
    assert form_of(name.upper(), Forms.model_fields[name]) == form


def test_a_setting_without_a_default_is_required() -> None:
    page = "\n".join(settings_page({"mill": Forms}, Words()))

    assert "| `URL` | `http://mill`, `https://mill` | required |" in page
    assert "| `OWNER` | text | `nobody` |" in page
