"""The documents for programs: AsyncAPI says every event, in every version, with who sends and who receives it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from hedgerow_host.asyncapi import asyncapi
from hedgerow_host.catalog import compose
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]
Document = dict[str, Any]

GARDEN = '''
    class Leaf(BaseModel):
        length: int

    class PlantGrownV1(EventContract):
        """A plant is big enough."""
        event_type: ClassVar[str] = "garden.plant_grown"
        height: int

    class PlantGrownV2(EventContract):
        """A plant is big enough, and has leaves."""
        event_type: ClassVar[str] = "garden.plant_grown"
        event_version: ClassVar[int] = 2
        height: int
        leaves: list[Leaf]

    async def cook_plant(event, envelope, work): ...

    class Tall(BaseModel):
        height: int

    @hookimpl
    def subscriptions():
        return Subscriptions(
            publishes=(PlantGrownV1, PlantGrownV2),
            subscribes=(
                Subscription(name="garden.cook", event="garden.plant_grown", model=Tall, handle=cook_plant),
                Subscription(name="garden.drink", event="cellar.wine_opened", model=Tall, handle=cook_plant),
            ),
        )
'''


@pytest.fixture
def document(install: Install) -> Document:
    install("garden", GARDEN)
    assembly, _routes = compose(HostSettings(contexts=("garden",)))
    return asyncapi(assembly)


def references_in(part: Any) -> Iterator[str]:
    """Where the document points to."""
    if isinstance(part, dict):
        yield from (value for word, value in part.items() if word == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references_in(each)


def dangling(document: Document) -> list[str]:
    """Pointers that lead nowhere."""
    found = []
    for reference in references_in(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place.get(step) if isinstance(place, dict) else None
        if place is None:
            found.append(reference)
    return found


def test_every_event_is_there_in_every_version_with_who_sends_and_who_receives_it(document: Document) -> None:
    channel = "#/channels/garden.plant_grown"

    assert document["asyncapi"] == "3.0.0"
    assert document["channels"].keys() == {"garden.plant_grown"}
    assert document["operations"]["garden.plant_grown.send"]["messages"] == [
        {"$ref": f"{channel}/messages/v1"},
        {"$ref": f"{channel}/messages/v2"},
    ]
    received = document["operations"]["garden.cook"]
    assert (received["action"], received["messages"]) == ("receive", [{"$ref": f"{channel}/messages/v1"}])
    assert "garden.drink" not in document["operations"], "cellar is not hosted here"


def test_every_pointer_leads_somewhere(document: Document) -> None:
    assert len(list(references_in(document))) > 5, "the search is blind"
    assert dangling(document) == []
    assert dangling({"payload": {"$ref": "#/components/schemas/none"}}) == ["#/components/schemas/none"]


def test_a_payload_is_described_as_it_travels(document: Document) -> None:
    payload = {"$ref": "#/components/schemas/garden.plant_grown.v2", "components": document["components"]}
    fits = jsonschema_rs.validator_for(payload)

    assert fits.is_valid({"height": 3, "leaves": [{"length": 1}]})
    assert not fits.is_valid({"height": 3, "leaves": [{"length": "long"}]})


@pytest.mark.parametrize(("verb", "word"), [("asyncapi", "channels"), ("openapi", "paths")])
def test_a_document_is_printed_and_can_be_kept(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, verb: str, word: str
) -> None:
    install("garden", GARDEN)
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "garden")
    kept = tmp_path / "document.json"

    printed = CliRunner().invoke(verbs_behind(verb), [verb]).stdout
    CliRunner().invoke(verbs_behind(verb), [verb, "--output", str(kept)])

    assert json.loads(printed)[word]
    assert kept.read_text() == printed
    assert CliRunner().invoke(verbs_behind(verb), [verb, "--check", str(kept)]).exit_code == 0
    kept.write_text(printed.replace("garden", "jungle"))
    assert CliRunner().invoke(verbs_behind(verb), [verb, "--check", str(kept)]).exit_code != 0


@pytest.mark.parametrize(
    ("url", "address", "server"),
    [
        ("redis://:secret@redis:6379/0", "hedgerow.events.garden", {"host": "redis:6379", "protocol": "redis"}),
        ("amqp://me:secret@rabbit:5672/", "garden.plant_grown", {"host": "rabbit:5672", "protocol": "amqp"}),
        (
            "kafka://one:9092,other:9092",
            "hedgerow.events.garden",
            {"host": "one:9092,other:9092", "protocol": "kafka"},
        ),
    ],
)
def test_with_a_stream_the_document_says_where_events_are_announced(
    install: Install, url: str, address: str, server: Document
) -> None:
    install("garden", GARDEN)
    assembly, _routes = compose(HostSettings(contexts=("garden",)))

    document = asyncapi(assembly, url)

    channel = document["channels"]["garden.plant_grown"]
    message = document["components"]["messages"]["garden.plant_grown.v1"]
    assert (document["servers"], channel["address"]) == ({"stream": server}, address)
    assert message["contentType"] == "application/cloudevents+json"
    assert {"$ref": "#/components/schemas/garden.plant_grown.v1"} in list(_schemas_in(message["payload"]))
    assert dangling(document) == []
    assert "secret" not in json.dumps(document)


def _schemas_in(payload: Document) -> Iterator[Document]:
    for part in payload["allOf"]:
        yield from part.get("properties", {}).values()
