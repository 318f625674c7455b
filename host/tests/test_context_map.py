"""The context map says what contexts declare, in every form, and a file held against it is told what differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from hedgerow_host.catalog import compose
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.context_map.context_map import ContextMap, Kind, MappedContext, Relation, context_map
from hedgerow_host.context_map.mermaid import mermaid
from hedgerow_host.context_map.pages import MARK, pages
from hedgerow_host.context_map.svg import svg
from hedgerow_host.context_map.tree import tree
from hedgerow_host.exits import HostError
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

GARDEN = '''
    """A garden.

    What grows here is told.
    """
    from hedgerow_core.persistence import MigrationHistory

    @hookimpl
    def migrations():
        return MigrationHistory("try_garden.migrations")

    class PlantGrownV1(EventContract):
        """A plant is big enough."""
        event_type: ClassVar[str] = "garden.plant_grown"
        height: int

    @hookimpl
    def subscriptions():
        return Subscriptions(publishes=(PlantGrownV1,))

    @hookimpl
    def routes():
        router = ContextRouter("garden")

        @router.get("/plants")
        @public
        async def plants() -> None:
            """Look at what | grows."""

        return [router]
'''
KITCHEN = '''
    class Plant(BaseModel):
        height: int

    async def cook_plant(event, envelope, work):
        """Have it for dinner."""

    @hookimpl
    def subscriptions():
        return Subscriptions(subscribes=(
            Subscription(name="kitchen.cook_plant", event="garden.plant_grown", model=Plant, handle=cook_plant),
            Subscription(name="kitchen.drink", event="cellar.wine_opened", model=Plant, handle=cook_plant),
        ))
'''
MIGRATIONS = """
from alembic import op
from sqlalchemy import Column, Integer

revision = "garden_0001"
down_revision = None

def upgrade():
    op.create_table("paths", Column("id", Integer))
    op.execute("CREATE TABLE IF NOT EXISTS seeds (id int) PARTITION BY RANGE (id)")
    op.execute("CREATE TABLE seeds_1 PARTITION OF seeds DEFAULT")
    op.rename_table("paths", "beds")
    op.drop_table("seeds")
"""
READS_THE_DATABASE = """
from alembic import op
from sqlalchemy import text

revision = "garden_0002"
down_revision = "garden_0001"

def upgrade():
    assert op.get_bind().execute(text("SELECT 1")).scalar_one() == 1
    op.execute("CREATE TABLE never_known (id int)")
"""
CELLAR = MappedContext(name="cellar", hosted=False)


@pytest.fixture
def hosted(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install("garden", GARDEN)
    versions = tmp_path / "try_garden" / "migrations" / "versions"
    versions.mkdir(parents=True)
    versions.with_name("__init__.py").touch()
    (versions / "0001_beds.py").write_text(MIGRATIONS)
    (versions / "0002_never_known.py").write_text(READS_THE_DATABASE)
    install("kitchen", KITCHEN, manifest='optional=("garden",),')
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "garden,kitchen")
    monkeypatch.chdir(tmp_path)


def the_map() -> ContextMap:
    assembly, _routes = compose(HostSettings(contexts=("garden", "kitchen")))
    return context_map(assembly)


def verb(*words: str) -> tuple[int, str]:
    """The exit code and what is printed, or said of the error."""
    done = CliRunner().invoke(verbs_behind(*words[:1]), words)
    if isinstance(done.exception, HostError):
        return done.exception.code, f"{done.stdout}{done.exception}"
    return done.exit_code, done.stdout


def test_the_map_knows_who_publishes_hears_and_stores_what(hosted: None) -> None:
    shown = the_map()

    assert shown.contexts == (
        MappedContext(name="garden", hosted=True, publishes=("garden.plant_grown v1",), tables=("beds",)),
        MappedContext(name="kitchen", hosted=True),
        CELLAR,
    )
    assert shown.relations == (
        Relation(source="cellar", target="kitchen", kind=Kind.EVENTS, names=("cellar.wine_opened v1",)),
        Relation(source="garden", target="kitchen", kind=Kind.EVENTS, names=("garden.plant_grown v1",)),
    )


SHOP = ContextMap(
    contexts=(
        MappedContext(name="end", hosted=True, publishes=("end.came v1",), tables=("ends", "odds")),
        MappedContext(name="shop", hosted=True, answers=("shop.price v1",)),
        CELLAR,
    ),
    relations=(
        Relation(source="end", target="shop", kind=Kind.EVENTS, names=("end.came v1",)),
        Relation(source="shop", target="shop", kind=Kind.EVENTS, names=("shop.shut v1",)),
        Relation(source="end", target="shop", kind=Kind.QUERIES, names=("shop.price v1",)),
        Relation(source="shop", target="cellar", kind=Kind.QUERIES, names=("cellar.a<b v1",)),
    ),
)


def test_a_tree_names_everything_once_where_it_belongs() -> None:
    assert tree(SHOP).splitlines() == [
        "end",
        "├── publishes",
        "│   └── came v1 → shop",
        "├── asks",
        "│   └── shop.price v1",
        "└── stores",
        "    └── ends, odds",
        "shop",
        "├── answers",
        "│   └── price v1 → end",
        "├── hears",
        "│   ├── end.came v1",
        "│   └── shop.shut v1",
        "└── asks",
        "    └── cellar.a<b v1",
        "cellar (not hosted here)",
    ]


def test_a_diagram_names_in_comments_what_it_counts_and_trips_over_no_word_of_mermaid() -> None:
    lines = [line.strip() for line in mermaid(SHOP).splitlines()]

    assert lines[:6] == [
        "flowchart LR",
        'context_end["<b>end</b><br/>1 event<br/>2 tables"]',
        "%% end publishes end.came v1",
        "%% end asks shop.price v1",
        "%% end stores ends",
        "%% end stores odds",
    ]
    assert 'context_end -->|"came v1"| context_shop' in lines
    assert 'context_end -.->|"price v1"| context_shop' in lines
    assert lines[-1] == "class context_cellar elsewhere"


def boxes_and_labels(picture: str) -> list[tuple[str, float, float]]:
    """Every writing with where it stands."""
    root = ElementTree.fromstring(picture)
    return [
        (text.text or "", float(text.attrib["x"]), float(text.attrib["y"]))
        for text in root.iter("{http://www.w3.org/2000/svg}text")
    ]


def test_a_picture_is_well_formed_and_shows_every_context_and_name() -> None:
    written = [text for text, _x, _y in boxes_and_labels(svg(SHOP))]

    assert {"end", "shop", "cellar", "came v1", "shut v1", "price v1", "a<b v1", "2 tables"} <= set(written)
    assert svg(ContextMap(contexts=(), relations=())), "and nothing hosted is no reason to fail"


def test_no_two_writings_of_a_picture_lie_over_each_other() -> None:
    places = boxes_and_labels(svg(SHOP))

    def cover(one: tuple[str, float, float], other: tuple[str, float, float]) -> bool:
        near = (len(one[0]) + len(other[0])) * 7.3 / 2
        return abs(one[1] - other[1]) < near and abs(one[2] - other[2]) < 12

    pairs = [(one, other) for number, one in enumerate(places) for other in places[:number]]
    assert pairs
    assert [pair for pair in pairs if cover(*pair)] == []
    assert cover(("here", 0, 0), ("there", 10, 5)), "the twin"


def test_the_map_as_data_is_the_map(hosted: None) -> None:
    code, printed = verb("map", "--format", "json")

    assert code == 0
    assert json.loads(printed) == json.loads(json.dumps(asdict(the_map())))


@pytest.mark.parametrize(
    ("file", "begins"), [("map.mmd", "flowchart"), ("map.svg", "<svg"), ("map.json", "{"), ("map.txt", "garden\n")]
)
def test_a_file_gets_the_form_of_its_name_and_is_as_it_should_be_afterwards(
    hosted: None, tmp_path: Path, file: str, begins: str
) -> None:
    assert verb("map", "--output", file) == (0, "")
    assert (tmp_path / file).read_text().startswith(begins)
    assert verb("map", "--check", file) == (0, "")


def test_a_map_that_differs_is_told_in_words_with_the_fix(hosted: None, tmp_path: Path) -> None:
    verb("map", "--output", "map.mmd")
    kept = (tmp_path / "map.mmd").read_text()
    (tmp_path / "map.mmd").write_text(kept.replace("garden stores beds", "garden stores sheds"))

    code, told = verb("map", "--check", "map.mmd")

    assert code == 1
    assert told.splitlines() == [
        "- garden stores sheds",
        "+ garden stores beds",
        "map.mmd is not what the hosted contexts declare",
        "  fix: hedgerow map --output map.mmd",
    ]
    assert (tmp_path / "map.mmd").read_text() != kept, "a check writes nothing"


def test_a_file_that_is_not_there_is_told(hosted: None) -> None:
    code, told = verb("map", "--format", "svg", "--check", "none.mmd")

    assert code == 1
    assert told.endswith("none.mmd is not there\n  fix: hedgerow map --format svg --output none.mmd")


def test_what_can_be_written_or_checked_is_not_both(hosted: None) -> None:
    assert verb("map", "--output", "a.mmd", "--check", "a.mmd")[0] == 2


def test_a_page_says_what_a_context_offers_needs_and_keeps(hosted: None) -> None:
    written = pages(*compose(HostSettings(contexts=("garden", "kitchen"))))

    garden, kitchen = written["garden.md"], written["kitchen.md"]
    assert "| `GET /v1/garden/plants` | `public` | Look at what &#124; grows. |" in garden
    assert "| `garden.plant_grown v1` | A plant is big enough. | `kitchen` |" in garden
    assert "Schema `garden`: `beds`, and the ledger." in garden
    assert "It works with `garden`, if hosted." in kitchen
    assert "| `garden.plant_grown v1` | `kitchen.cook_plant` | Have it for dinner. |" in kitchen
    assert "```mermaid\nflowchart LR\n" in written["README.md"]


def test_pages_are_built_checked_and_cleared_away(
    hosted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verb("docs", "build", "pages") == (0, "")
    assert verb("docs", "build", "pages", "--check") == (0, "")
    (tmp_path / "pages" / "notes.md").write_text("Somebody's own.")
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "garden")

    code, told = verb("docs", "build", "pages", "--check")
    assert code == 1
    assert "pages/garden.md:\n-| `garden.plant_grown v1` | A plant is big enough. | `kitchen` |" in told
    assert "pages/kitchen.md: its context is gone" in told

    assert verb("docs", "build", "pages") == (0, "")
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["README.md", "garden.md", "notes.md"]


def test_no_page_overwrites_what_somebody_wrote(hosted: None, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Somebody's own.")

    code, told = verb("docs", "build", ".")

    assert (code, (tmp_path / "README.md").read_text()) == (2, "Somebody's own.")
    assert "README.md was written by somebody" in told
    assert not (tmp_path / "garden.md").exists(), "nothing is begun"
    assert MARK not in told
