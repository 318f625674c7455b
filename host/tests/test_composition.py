"""What doesn't fit together is said before anything starts: subject, what is wrong, where, and the fix."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hedgerow_core.application import Command
from hedgerow_core.observability.own_code import ON_REQUEST_GROUP
from hedgerow_host.catalog import compose, notes_on
from hedgerow_host.discovery import installed_contexts, load_contexts
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]


def problems_of(*contexts: str) -> list[Problem]:
    with pytest.raises(CompositionError) as refused:
        compose(HostSettings(contexts=contexts))
    return list(refused.value.problems)


def the_problem_of(*contexts: str) -> Problem:
    (problem,) = problems_of(*contexts)
    assert problem.fix
    return problem


ROUTER = """
    @hookimpl
    def routes(container, bus):
        router = ContextRouter("garden")

        {decorators}
        async def water() -> None: ...

        return [router]
"""


def test_a_sound_context_is_hosted_with_its_routes(install: Install) -> None:
    install("garden", ROUTER.format(decorators='@router.get("/water")\n        @public'))

    assembly, routes = compose(HostSettings(contexts=("garden",)))

    assert assembly.names == ["garden"]
    theirs = [route for route in routes if route.context != "host"]
    assert [(route.method, route.path, str(route.access)) for route in theirs] == [
        ("GET", "/v1/garden/water", "public")
    ]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
    ],
)
def test_a_context_that_fails_to_import_is_named_with_cause_and_line(
    install: Install, code: str, what: str
) -> None:
    install("garden", code)

    problem = the_problem_of("garden")

    assert problem.subject == "garden"
    assert what in problem.what
    assert "try_garden.plugin of try_garden 1.0" in problem.sources
    assert "HEDGEROW_CONTEXTS" in problem.fix


def test_a_context_that_is_not_wanted_is_not_even_imported(install: Install, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    install("garden", "")
    install("weed", f"Path({str(marker)!r}).touch()")

    compose(HostSettings(contexts=("garden",)))
    assert not marker.exists()

    compose(HostSettings(contexts=("garden", "weed")))
    assert marker.exists()


def test_a_context_that_waits_to_be_named_is_neither_hosted_nor_imported_before(
    install: Install, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    install("flower", "")
    install("weed", f"Path({str(marker)!r}).touch()", group=ON_REQUEST_GROUP)

    unnamed = [context.name for context in load_contexts(None)]
    assert ("flower" in unnamed, "weed" in unnamed, marker.exists()) == (True, False, False)
    assert "weed" in [installed.name for installed in installed_contexts()], "it is listed all the same"

    assert [context.name for context in load_contexts(["weed"])] == ["weed"]
    assert marker.exists()


def test_an_unknown_name_in_the_allow_list_is_named_with_those_that_exist(install: Install) -> None:
    install("garden", "")

    problem = the_problem_of("gardn")

    assert problem.subject == "gardn"
    assert "garden" in problem.fix


def test_two_distributions_that_offer_one_context_are_both_named(install: Install) -> None:
    install("garden", "", package="try_one")
    install("garden", "", package="try_two")

    problem = the_problem_of("garden")

    assert problem.sources == ("try_one.plugin of try_one 1.0", "try_two.plugin of try_two 1.0")


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        ('requires=("water",),', "requires the context water"),
        ('permissions=(Permission("shed:tool:use", "user", "Use tools"),),', "shed:tool:use"),
    ],
)
def test_a_manifest_that_cannot_be_met_is_refused(install: Install, manifest: str, what: str) -> None:
    install("garden", "", manifest=manifest)

    assert what in the_problem_of("garden").what


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        ('Manifest(name="lawn", version="1", core_api=">=0.1")', "entry point 'garden'"),
        ('Manifest(name="garden", version="1", core_api=">=7")', "needs core API >=7"),
        ('Manifest(name="garden", version="1", core_api="any")', "no version range"),
        ("None", "has no manifest"),
        ('Manifest(name="garden")', "its hook `manifest` raised TypeError"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(install: Install, manifest: str, what: str) -> None:
    install("garden", f"@hookimpl\ndef manifest():\n    return {manifest}")

    assert what in the_problem_of("garden").what


def test_contexts_that_wait_for_each_other_are_named_in_a_circle(install: Install) -> None:
    install("egg", "", manifest='requires=("hen",),')
    install("hen", "", manifest='requires=("egg",),')

    assert the_problem_of("egg", "hen").subject in ("egg → hen → egg", "hen → egg → hen")


def test_required_contexts_come_first(install: Install) -> None:
    install("apple", "", manifest='requires=("tree",),')
    install("tree", "")

    assembly, _routes = compose(HostSettings(contexts=("apple", "tree")))

    assert assembly.names == ["tree", "apple"]


@pytest.mark.parametrize("hook", ["container", "handlers", "subscriptions", "routes", "authenticators"])
def test_a_hook_that_raises_is_named_with_its_context(install: Install, hook: str) -> None:
    install("garden", f"@hookimpl\ndef {hook}():\n    raise RuntimeError('thorns')")

    problem = the_problem_of("garden")

    assert problem.what == f"its hook `{hook}` raised RuntimeError: thorns"
    assert any("plugin.py:" in source for source in problem.sources)


def test_a_missing_setting_is_named_by_its_variable(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        class Settings(BaseSettings):
            model_config = SettingsConfigDict(env_prefix="GARDEN_")
            water: int = Field(description="Litres a day.")
    """
    install("garden", code, manifest="settings=Settings,")

    problem = the_problem_of("garden")

    assert (problem.subject, problem.what) == ("GARDEN_WATER", "is not set")
    assert "Litres a day." in problem.fix
    monkeypatch.setenv("GARDEN_WATER", "7")
    compose(HostSettings(contexts=("garden",)))


@pytest.mark.parametrize(
    ("decorators", "what"),
    [
        ('@router.get("/water")', "does not say who may call it"),
        ('@router.get("/water")\n        @permitted("garden:water:use")', "which no context declares"),
        ('@router.get("/a")\n        @router.get("/a")\n        @public', "is defined twice"),
        ('@router.post("/water")\n        @public\n        @idempotent', "takes an Idempotency-Key from strangers"),
    ],
)
def test_a_route_that_breaks_a_rule_stops_the_boot_and_is_named(
    install: Install, decorators: str, what: str
) -> None:
    install("garden", ROUTER.format(decorators=decorators))

    problem = the_problem_of("garden")

    assert "/v1/garden/" in problem.subject
    assert what in problem.what
    assert "try_garden.plugin:routes.<locals>.water" in problem.sources


@pytest.mark.parametrize(
    ("router", "what"),
    [
        ('ContextRouter("shed")', "lies outside /v1/garden"),
        ('ContextRouter("garden", prefix="/livez")', "lies outside /v1/garden"),
        ('ContextRouter("garden"); router.route_class = APIRoute', "is a APIRoute, which no stage can guard"),
    ],
)
def test_a_route_outside_the_walls_of_its_context_stops_the_boot(install: Install, router: str, what: str) -> None:
    code = ROUTER.format(decorators='@router.get("/water")\n        @public')
    install("garden", code.replace('ContextRouter("garden")', router))

    assert what in the_problem_of("garden").what


MESSAGES = """
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Water(Command[None]):
        litres: int

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Mow(Task):
        name: ClassVar[str] = "garden.mow"

    async def handle(message, work): ...

    def work(connection): ...

    @hookimpl
    def handlers(container):
        return Handlers(work=work, commands={commands}, tasks={tasks})
"""
WATER = "CommandHandler(Water, handle)"
MOW = "TaskHandler(task=Mow, handle=handle)"


@pytest.mark.parametrize(
    ("commands", "tasks", "place"),
    [("()", f"({MOW},)", "try_garden.plugin:Water"), (f"({WATER},)", "()", "try_garden.plugin:Mow")],
)
def test_a_message_without_handler_is_named(install: Install, commands: str, tasks: str, place: str) -> None:
    install("garden", MESSAGES.format(commands=commands, tasks=tasks))

    problem = the_problem_of("garden")

    assert problem.what == "nobody handles this message"
    assert problem.sources == (place,)


def test_a_message_that_is_not_in_its_module_any_more_is_not_missed(install: Install) -> None:
    install("garden", MESSAGES.format(commands="()", tasks=f"({MOW},)"))
    assert "Water" in the_problem_of("garden").sources[0]

    water = vars(sys.modules["try_garden.plugin"]).pop("Water")
    compose(HostSettings(contexts=("garden",)))
    assert water in Command.__subclasses__(), "the class lives on"


@pytest.mark.parametrize(
    ("commands", "tasks", "what"),
    [
        (f"({WATER}, {WATER})", f"({MOW},)", "Water already has a handler"),
        (f"({WATER},)", f"({MOW}, {MOW})", "two consumers are named garden.mow"),
    ],
)
def test_a_message_with_two_handlers_is_refused(install: Install, commands: str, tasks: str, what: str) -> None:
    install("garden", MESSAGES.format(commands=commands, tasks=tasks))

    assert what in the_problem_of("garden").what


LISTENER = """
    class Rain(BaseModel): ...

    async def grow(event, envelope, work): ...

    @hookimpl
    def subscriptions():
        return Subscriptions(subscribes=[Subscription(
            name="garden.grow_in_rain", event="sky.rain_fell", version={version}, model=Rain, handle=grow
        )])
"""
SKY = """
    class RainFell(EventContract):
        event_type: ClassVar[str] = "sky.rain_fell"

    @hookimpl
    def subscriptions():
        return Subscriptions(publishes=[RainFell])
"""


def test_listening_to_an_event_that_its_publisher_does_not_publish_is_refused(install: Install) -> None:
    install("garden", LISTENER.format(version=2))
    install("sky", SKY)

    problem = the_problem_of("garden", "sky")

    assert problem.subject == "garden.grow_in_rain"
    assert "sky.rain_fell v1" in problem.fix


def test_listening_to_a_context_that_is_not_there_is_fine_and_noted(install: Install) -> None:
    install("garden", LISTENER.format(version=1))

    assembly, _routes = compose(HostSettings(contexts=("garden",)))

    assert notes_on(assembly, "garden") == [
        "sky is not hosted here: garden.grow_in_rain hears it through this database only"
    ]


def test_all_problems_are_shown_together(install: Install) -> None:
    install("garden", "import no_such_library")
    install("shed", "raise RuntimeError('locked')")

    assert [problem.subject for problem in problems_of("garden", "shed")] == ["garden", "shed"]


KEYS = """
from hedgerow_core.security import KeyAuthority
async def find(key, network):
    return None
@hookimpl
def authenticators(container):
    return [KeyAuthority(prefix={prefix!r}, find=find)]
"""


def test_two_contexts_can_not_vouch_for_keys_of_one_prefix(install: Install) -> None:
    install("alder", KEYS.format(prefix="one_"))
    install("birch", KEYS.format(prefix="one_"))

    problem = the_problem_of("alder", "birch")

    assert (problem.subject, problem.sources) == ("one_", ("authenticators of alder", "authenticators of birch"))


def test_keys_of_two_prefixes_live_side_by_side(install: Install) -> None:
    install("alder", KEYS.format(prefix="one_"))
    install("birch", KEYS.format(prefix="two_"))

    compose(HostSettings(contexts=("alder", "birch")))
