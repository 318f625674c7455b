"""The tutorial builds a context that works, and what it says about it is true."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence.embedded import running_embedded_postgres
from hedgerow_core.testing.servers import free_port
from tests.docs.markdown import DOCS, Block, blocks
from tests.processes import run, running

ROOT = DOCS.parent
PROJECT = "contexts/notes/pyproject.toml"
ROUTES = "contexts/notes/src/hedgerow_notes/interfaces/http.py"
ADDRESS = "localhost:8000"
ANYTHING = "…"
"""Stands in a documented answer for what differs every time."""
ARRIVES_WITHIN_S = 10.0
"""What a subscriber does is there soon, not at once."""
_TOKEN = re.compile(r'^TOKEN=\$\((?P<curl>curl .*) \| python3 -c \'.*\["(?P<member>\w+)"\]\)\'\)$')


@dataclass(frozen=True, slots=True)
class Tutorial:
    """The page, taken apart."""

    blocks: list[Block]

    @property
    def files(self) -> dict[str, str]:
        """Every file that it shows, by path."""
        return {block.title: block.text for block in self.blocks if block.title and "/" in block.title}

    @property
    def makes_folders(self) -> str:
        """The commands that begin the package."""
        return next(block.text for block in self.blocks if block.language == "sh" and "mkdir" in block.text)

    def output(self, title: str) -> str:
        """What it says that a command prints."""
        return next(block.text for block in self.blocks if block.title == title)

    def steps(self) -> Iterator[tuple[str, str | None]]:
        """Every call over HTTP and the answer that is shown for it, if one is."""
        for block, following in zip(self.blocks, [*self.blocks[1:], None], strict=True):
            if block.language == "sh" and "curl" in block.text:
                yield block.text, following.text if following and following.language == "http" else None


@pytest.fixture(scope="module")
def tutorial() -> Tutorial:
    return Tutorial(blocks((DOCS / "tutorial.md").read_text()))


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder in which somebody follows the tutorial; the project's own environment stays as it is."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder / "contexts/notes/src")}

    def build(self, tutorial: Tutorial, files: Mapping[str, str]) -> None:
        """Do what the tutorial does, up to the installation."""
        subprocess.run(["sh", "-euc", tutorial.makes_folders], cwd=self.folder, check=True)
        for path, content in files.items():
            (self.folder / path).write_text(content)
        self._install(tomllib.loads(files[PROJECT]))

    def _install(self, project: Mapping[str, Any]) -> None:
        """Leave what an installation would leave: metadata beside the package."""
        name, version = project["project"]["name"], project["project"]["version"]
        sources = self.folder / "contexts/notes/src"
        metadata = sources / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        needs = "".join(f"Requires-Dist: {needed}\n" for needed in project["project"]["dependencies"])
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        points = [
            f"[{group}]\n" + "".join(f"{context} = {module}\n" for context, module in members.items())
            for group, members in project["project"]["entry-points"].items()
        ]
        (metadata / "entry_points.txt").write_text("\n".join(points))

    def hedgerow(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return run(*arguments, folder=self.folder, environment=self.environment)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@dataclass(slots=True)
class Reader:
    """Types the tutorial's calls, at the host's real address."""

    client: httpx.Client
    variables: dict[str, str] = field(default_factory=dict)

    def follow(self, typed: str, shown: str | None) -> None:
        """Do one step, and hold the answer against the one that is shown."""
        line = " ".join(typed.replace("\\\n", " ").split("\n")).strip()
        if kept := _TOKEN.fullmatch(re.sub(r" +", " ", line)):
            self.variables["TOKEN"] = self._call(kept["curl"]).json()[kept["member"]]
            return
        assert shown is not None, f"the tutorial shows no answer to {line}"
        deadline = time.monotonic() + ARRIVES_WITHIN_S
        while problem := difference(shown, self._call(line)):
            # Only what changes nothing is asked again.
            assert "-d" not in shlex.split(line), f"{line}\n{problem}"
            assert time.monotonic() < deadline, f"{line}\n{problem}"
            time.sleep(0.1)

    def _call(self, line: str) -> httpx.Response:
        for name, value in self.variables.items():
            line = line.replace(f"${name}", value)
        command, *words = shlex.split(line)
        assert command == "curl"
        headers, body, url = {}, None, ""
        while words:
            match words.pop(0):
                case "-s":
                    continue
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = value
                case "-d":
                    body = words.pop(0)
                case word:
                    assert word.startswith(ADDRESS), f"what does curl mean by {word}?"
                    url = word.removeprefix(ADDRESS)
        return self.client.request("GET" if body is None else "POST", url, headers=headers, content=body)


def difference(shown: str, answer: httpx.Response) -> str | None:
    """What is not as shown; None if all is."""
    head, _, body = shown.partition("\n\n")
    status = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
    if head != status:
        return f"shown: {head}\nis: {status} {answer.text}"
    expected, found = json.loads(body), answer.json()
    return None if _alike(expected, found) else f"shown: {expected}\nis: {found}"


def _alike(shown: Any, found: Any) -> bool:
    if shown == ANYTHING:
        return isinstance(found, str) and found != ""
    if isinstance(shown, dict) and isinstance(found, dict):
        return shown.keys() == found.keys() and all(_alike(shown[name], found[name]) for name in shown)
    if isinstance(shown, list) and isinstance(found, list):
        return len(shown) == len(found) and all(map(_alike, shown, found))
    return bool(shown == found)


def words(table: str) -> list[list[str]]:
    """The cells of a table as the tutorial shows it."""
    return [line.split() for line in table.splitlines()]


async def published(data: Path) -> list[str]:
    """The events in the outbox of notes."""
    address = running_embedded_postgres(data)
    assert address is not None
    async with create_async_engine(address.url, poolclass=NullPool).connect() as connection:
        return list((await connection.execute(text("SELECT type FROM notes.outbox"))).scalars())


def test_the_context_is_found_and_brings_what_the_tutorial_says(tutorial: Tutorial, workplace: Workplace) -> None:
    workplace.build(tutorial, tutorial.files)

    contexts = json.loads(workplace.hedgerow("contexts", "list", "--json").stdout)
    routes = json.loads(workplace.hedgerow("routes", "--json").stdout)
    found = [one["id"] for one in json.loads(workplace.hedgerow("check", "--json").stdout)]

    assert [one for one in found if one.startswith("notes.") and one != "notes.N001"] == ["notes.E003"], (
        "all that is left to do is `contracts write`"
    )
    notes = next(row for row in contexts if row["name"] == "notes")
    assert contexts.index(notes) == 1, "the tutorial says where in the list it stands"
    assert words(tutorial.output("hedgerow contexts list")) == [
        [
            notes["name"],
            notes["version"],
            notes["state"],
            str(notes["routes"]),
            *notes["publishes"],
            *notes["subscribes"],
        ]
    ]
    assert words(tutorial.output("hedgerow routes")) == [
        [route["method"], route["path"], route["access"], route["operation"]]
        for route in routes
        if route["context"] == "notes"
    ]


def test_every_call_is_answered_as_the_tutorial_shows(tutorial: Tutorial, workplace: Workplace) -> None:
    workplace.build(tutorial, tutorial.files)
    port = str(free_port())
    steps = list(tutorial.steps())

    with (
        running("dev", "--port", port, folder=workplace.folder, environment=workplace.environment) as host,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
    ):
        host.wait_for("Ctrl-C stops everything.")
        banner = host.output
        reader = Reader(client)
        for typed, shown in steps:
            reader.follow(typed, shown)
        events = asyncio.run(published(workplace.folder / ".hedgerow"))

    assert re.search(r"contexts .*notes 0\.1\.0", banner)
    assert len(steps) >= 7, "calls have got lost"
    assert events == ["notes.note_written"] * 2, "one for the welcome note, one for the other"


def test_a_route_without_access_decision_is_refused_as_the_tutorial_shows(
    tutorial: Tutorial, workplace: Workplace
) -> None:
    undecided = tutorial.files[ROUTES].replace("    @authenticated\n", "")
    assert undecided != tutorial.files[ROUTES]
    workplace.build(tutorial, {**tutorial.files, ROUTES: undecided})

    listed = workplace.hedgerow("routes")
    started = workplace.hedgerow("dev", "--port", str(free_port()))

    assert (listed.returncode, listed.stderr) == (2, tutorial.output("refusal"))
    assert started.returncode == 2
    assert tutorial.output("refusal") in started.stderr
    assert "Ctrl-C" not in started.stdout


def test_a_tutorial_that_lacks_a_file_does_not_pass(tutorial: Tutorial, workplace: Workplace) -> None:
    incomplete = {path: content for path, content in tutorial.files.items() if path != ROUTES}
    workplace.build(tutorial, incomplete)

    refused = workplace.hedgerow("contexts", "list")

    assert refused.returncode == 2
    assert "notes: cannot be imported" in refused.stderr
    assert "hedgerow_notes.interfaces.http" in refused.stderr
    assert "  fix: " in refused.stderr


@pytest.mark.parametrize(
    "shown",
    [
        'HTTP/1.1 201 Created\n\n{"id": "…", "text": "Trim"}',
        'HTTP/1.1 200 OK\n\n{"id": "…", "text": "Cut"}',
        'HTTP/1.1 200 OK\n\n{"text": "Trim"}',
        'HTTP/1.1 200 OK\n\n{"id": "…", "text": "Trim", "owner": "…"}',
        'HTTP/1.1 200 OK\n\n[{"id": "…", "text": "Trim"}]',
    ],
    ids=["status", "value", "member too few", "member too many", "shape"],
)
def test_an_answer_that_differs_from_the_shown_one_is_noticed(shown: str) -> None:
    answer = httpx.Response(200, json={"id": "1", "text": "Trim"})

    assert difference(shown, answer)
    assert difference('HTTP/1.1 200 OK\n\n{"id": "…", "text": "Trim"}', answer) is None


def test_the_code_of_the_tutorial_is_written_as_ours_is(tutorial: Tutorial, workplace: Workplace) -> None:
    workplace.build(tutorial, tutorial.files)

    def ruff(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("ruff")), *arguments]
        settings = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "contexts/notes"]
        result = subprocess.run(
            [*command, *settings], cwd=workplace.folder, capture_output=True, text=True, check=False
        )
        return "" if result.returncode == 0 else result.stdout + result.stderr

    assert ruff("check") == ""
    assert ruff("format", "--check") == ""
    (workplace.folder / ROUTES).write_text("import os, sys\nx=1\n")
    assert ruff("check")
    assert ruff("format", "--check")
