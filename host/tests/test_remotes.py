"""What settings may say of other hosts, and how what lives there stands in a composition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from hedgerow_host.api import create_app
from hedgerow_host.catalog import compose, context_rows, notes_on, setting_rows
from hedgerow_host.checks import check
from hedgerow_host.exits import load_settings
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import Environment, HostSettings, Remote
from hedgerow_host.watch import Watch
from hedgerow_host.wire.routes import wire_routes
from host.tests.test_published_queries import ORCHARD, PRESS, QUESTION

Install = Callable[..., None]
URL, SECRET = "HEDGEROW_REMOTES__ORCHARD__URL", "HEDGEROW_HOST_SECRET"
REQUIRED = PRESS.replace(QUESTION, 'Question("orchard.get_tree", as_=Tree, required=True)')


@pytest.fixture
def press(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't do without an answer of orchard."""
    install("press", REQUIRED, manifest='requires=("orchard",)')
    monkeypatch.chdir(tmp_path)


def settings(url: str = "https://orchard.example", **more: Any) -> HostSettings:
    given: dict[str, Any] = {
        "contexts": ("press",),
        "environment": Environment.DEV,
        "remotes": {"orchard": Remote(url=url)},
    }
    return HostSettings(**(given | more))


def problems_of(settings: HostSettings) -> list[Problem]:
    with pytest.raises(CompositionError) as refused:
        compose(settings)
    return list(refused.value.problems)


def the_problem_of(settings: HostSettings) -> Problem:
    (problem,) = problems_of(settings)
    assert problem.fix
    return problem


def test_a_remote_meets_what_a_context_requires(press: None) -> None:
    assembly, _routes = compose(settings())

    assert (assembly.names, list(assembly.peers)) == (["press"], ["orchard"])
    without = problems_of(settings(remotes=None))
    assert [URL in problem.fix for problem in without] == [True]


def test_to_look_at_a_composition_makes_no_secret(press: None, tmp_path: Path) -> None:
    compose(settings(data_dir=tmp_path / "data"))

    assert not (tmp_path / "data").exists()


def test_a_context_lives_here_or_there(press: None, install: Install) -> None:
    install("orchard", ORCHARD)

    problem = the_problem_of(settings(contexts=("press", "orchard")))

    assert (problem.subject, "it is hosted here, too" in problem.what) == (URL, True)


def test_while_a_context_moves_its_new_host_may_call_and_nobody_asks_it(press: None, install: Install) -> None:
    install("orchard", ORCHARD)
    moving = {"orchard": Remote(url="https://orchard.example", moving=True)}

    before, _routes = compose(settings(contexts=("press", "orchard"), remotes=moving))
    after, _routes = compose(settings(remotes=moving))

    assert (before.names, list(before.peers), list(before.remotes.moving)) == (
        ["orchard", "press"],
        [],
        ["orchard"],
    )
    assert (after.names, list(after.peers), list(after.remotes.moving)) == (["press"], ["orchard"], [])
    assert [bool(wire_routes(assembly)) for assembly in (before, after)] == [True, True]


@pytest.mark.parametrize("environment", [Environment.TEST, Environment.PROD])
def test_outside_of_dev_a_host_that_has_remotes_needs_a_secret(press: None, environment: Environment) -> None:
    problem = the_problem_of(settings(environment=environment))

    assert (problem.subject, "openssl rand -hex 32" in problem.fix) == (SECRET, True)
    compose(settings(environment=environment, host_secret="s" * 32))
    compose(settings(environment=environment, contexts=(), remotes=None))


@pytest.mark.parametrize(
    ("url", "sound"),
    [
        ("https://orchard.example", True),
        ("http://127.0.0.1:8001", True),
        ("http://[::1]:8001", True),
        ("http://10.3.0.7:8000", True),
        ("http://localhost:8000", True),
        ("http://orchard:8000", True),
        ("http://orchard.farm.svc.cluster.local", True),
        ("http://orchard.internal", True),
        ("http://orchard.example", False),
        ("http://192.0.2.77.example:8000", False),
        ("http://8.8.8.8:8000", False),
        ("http://[2606:4700::1111]", False),
        ("http://internal", True),
        ("http://notinternal.example.com", False),
    ],
)
def test_outside_of_dev_what_leaves_the_own_network_is_encrypted(press: None, url: str, sound: bool) -> None:
    given = settings(url, environment=Environment.PROD, host_secret="s" * 32)
    if sound:
        compose(given)
    else:
        problem = the_problem_of(given)
        assert (problem.subject, "https://" in problem.fix) == (URL, True)
    compose(settings(url))


@pytest.mark.parametrize(
    "url",
    [
        "orchard",
        "ftp://orchard",
        "http://",
        "http://a:b@c",
        "http://a/path",
        "http://a?b",
        "http://a:x",
        "http://a#b",
    ],
)
def test_a_url_of_a_remote_is_an_origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(URL, url)

    with pytest.raises(CompositionError) as refused:
        load_settings()

    (problem,) = refused.value.problems
    assert (problem.subject, "expected https://" in problem.what) == (URL, True)


def test_settings_of_remotes_are_read_from_variables_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(URL, "https://orchard.example:8443/")
    monkeypatch.setenv("HEDGEROW_REMOTES__ORCHARD__OPTIONAL", "true")
    monkeypatch.setenv("HEDGEROW_REMOTES__BARN__URL", "https://barn.example")

    assert load_settings().remotes == {
        "orchard": Remote(url="https://orchard.example:8443", optional=True),
        "barn": Remote(url="https://barn.example"),
    }
    monkeypatch.setenv("HEDGEROW_REMOTES__ORCHARD__OPTIMAL", "true")
    with pytest.raises(CompositionError, match="HEDGEROW_REMOTES__ORCHARD__OPTIMAL"):
        load_settings()


def test_a_setting_of_all_remotes_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEROW_REMOTES", "https://orchard.example")

    with pytest.raises(CompositionError, match="HEDGEROW_REMOTES"):
        load_settings()


def test_a_short_secret_is_refused_and_not_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SECRET, "hush")

    with pytest.raises(CompositionError, match=SECRET) as refused:
        load_settings()

    assert "hush" not in str(refused.value)


def test_remote_contexts_are_listed_installed_or_not(press: None, install: Install) -> None:
    install("orchard", ORCHARD)
    remotes = {"orchard": Remote(url="https://orchard.example"), "barn": Remote(url="https://barn.example")}
    given = settings(remotes=remotes)

    rows = {row["name"]: row for row in context_rows(*compose(given))}

    assert {name: rows[name]["state"] for name in ("press", "orchard", "barn")} == {
        "press": "enabled",
        "orchard": "remote",
        "barn": "remote",
    }
    assert rows["barn"]["notes"] == ["lives at https://barn.example"]
    assert len({tuple(row) for row in rows.values()}) == 1, "all rows have the same columns"


def test_nothing_is_noted_of_a_question_to_a_remote(press: None) -> None:
    assembly, _routes = compose(settings())
    findings, _assembly = check(settings())

    assert notes_on(assembly, "press") == []
    assert [one for one in findings if one.number in ("W001", "W003")] == []


def test_a_check_finds_what_is_wrong_with_remotes(press: None) -> None:
    findings, _assembly = check(settings(environment=Environment.PROD))

    assert ("host.E005", SECRET) in [(one.id, one.subject) for one in findings]


def test_the_settings_in_force_say_where_remotes_are_and_no_secret(press: None) -> None:
    given = settings(host_secret="by this nobody is known, and it is long enough")

    shown = {row["setting"]: row["value"] for row in setting_rows(given, compose(given)[0])}

    assert shown["HEDGEROW_REMOTES"] == "orchard=https://orchard.example"
    assert "known" not in shown[SECRET]


async def test_who_comes_here_for_a_context_that_lives_elsewhere_is_told_so(press: None) -> None:
    assembly, routes = compose(settings())
    app = create_app(assembly, routes, Readiness(assembly, Watch(assembly)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answers = [await client.request(verb, "/v1/orchard/trees/1") for verb in ("GET", "POST")]
        unknown = await client.get("/v1/meadow")

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(421, "context_elsewhere")] * 2
    assert "orchard.example" not in answers[0].text
    assert unknown.status_code == 404
