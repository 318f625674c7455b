"""The README does what it says: its commands run, and what it links to is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hedgerow_core.testing.servers import free_port
from tests.docs.markdown import blocks
from tests.processes import clean_environment, running
from tests.shell import typed, with_hedgerow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
API = "http://127.0.0.1:8000"


def commands(text: str) -> list[str]:
    """Every block of shell commands."""
    return [block.text for block in blocks(text) if block.language == "sh"]


def shell(script: str, folder: Path) -> str:
    """What a shell prints; every command in it must succeed."""
    done = typed(script, folder=folder, environment=with_hedgerow(clean_environment()))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tour_is_as_told(tmp_path: Path) -> None:
    tour = "".join(block for block in commands(README) if "$api" in block)
    url = f"http://127.0.0.1:{free_port()}"
    assert API in tour
    with running("dev", "--port", url.rpartition(":")[2], folder=tmp_path, environment={}) as host:
        host.wait_for("Ctrl-C stops everything.")
        printed = shell(tour.replace(API, url).replace("curl -s ", "curl -sf "), tmp_path)
        answers = [json.loads(answer) for answer in re.findall(r"\{.*?\}(?=\{|\Z)", printed.strip(), re.DOTALL)]

    assert [answer.get("email") or answer.get("status") for answer in answers][:4] == [
        "accepted",
        "ann@example.com",
        "open",
        "open",
    ]
    assert answers[-1]["total"] == {"amount": 3490, "currency": "EUR"}
    assert answers[-1]["payments"][0]["status"] in ("pending", "succeeded")


def test_the_commands_to_look_around_work_beside_a_running_host(tmp_path: Path) -> None:
    (look,) = (block for block in commands(README) if "contexts list" in block)

    with running("dev", "--port", str(free_port()), folder=tmp_path, environment={}) as host:
        host.wait_for("Ctrl-C stops everything.")
        for line in look.splitlines():
            assert shell(line.replace("uv run hedgerow", "hedgerow"), tmp_path).strip(), line


def test_every_command_of_the_readme_exists(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    told = "".join(commands(README))

    for verb in set(re.findall(r"^make (\w+)", told, re.MULTILINE)):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb
    for verb in set(re.findall(r"hedgerow (\w+)", told)):
        shell(f"hedgerow {verb} --help", tmp_path)


def dead_links(page: Path, text: str) -> list[str]:
    """Relative links that lead nowhere."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    return [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text()) == []


def test_a_dead_link_is_found() -> None:
    assert dead_links(ROOT / "README.md", "[x](docs/nowhere.md) [y](core) [z](https://example.com)") == [
        "docs/nowhere.md"
    ]
