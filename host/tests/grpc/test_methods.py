"""What a context declares over gRPC is held against the rules before anything listens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hedgerow_host.catalog import compose
from hedgerow_host.checks import check
from hedgerow_host.grpc.methods import methods_of
from hedgerow_host.problems import CompositionError
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

ENDPOINTS = """
    from hedgerow_core.grpc import GrpcService
    from host.tests.grpc.protos import service

    @public
    async def pick(message, call):
        return message

    async def unmarked(message, call):
        return message

    @permitted("garden:tree:fell")
    async def fell(message, call):
        return message

    @public
    def hasty(message, call):
        return message

    @authenticated
    @idempotent
    async def again(message, call):
        return message

    @hookimpl
    def grpc_services(container, bus):
        return SERVICES
"""
GOOD = '[GrpcService(descriptor=service("Pick"), endpoints={"Pick": pick})]'


def garden(install: Install, services: str, name: str = "garden") -> None:
    install(name, ENDPOINTS.replace("SERVICES", services))


def refused(*contexts: str, optional: tuple[str, ...] = ()) -> str:
    assembly, _routes = compose(HostSettings(contexts=contexts, optional_contexts=optional))
    with pytest.raises(CompositionError) as ended:
        methods_of(assembly)
    return str(ended.value)


def test_what_keeps_the_rules_is_served(install: Install) -> None:
    garden(install, GOOD)
    assembly, _routes = compose(HostSettings(contexts=("garden",)))

    (method,) = methods_of(assembly)

    assert (method.context, method.path, str(method.access)) == (
        "garden",
        "/garden.GardenService/Pick",
        "public",
    )


@pytest.mark.parametrize(
    ("services", "said"),
    [
        (GOOD.replace(": pick", ": unmarked"), "garden.GardenService/Pick: does not say who may call it"),
        (GOOD.replace(": pick", ": fell"), "demands the permission garden:tree:fell, which no context declares"),
        (
            GOOD.replace('{"Pick": pick}', "{}"),
            "garden.GardenService/Pick: is in the .proto, and nothing answers it",
        ),
        (GOOD.replace('{"Pick"', '{"Prune": pick, "Pick"'), "GardenService/Prune: has an endpoint, and the .proto"),
        (GOOD.replace('("Pick")', '("Pick", streams=["Pick"])'), "Pick: streams, and nobody bounds a stream"),
        (GOOD.replace('("Pick")', '("Pick", name="meadow.Meadow")'), "meadow.Meadow: lies outside of the package"),
        (GOOD.replace(": pick", ": hasty"), "is answered by a function that is not async"),
        (GOOD.replace(": pick", ": again"), "is marked @idempotent, and gRPC has no Idempotency-Key"),
        (GOOD[:-1] + ", " + GOOD[1:], "garden.GardenService: is served twice"),
        ("[pick]", "its hook `grpc_services` returned a function among its GrpcService"),
        ("1 / 0", "its hook `grpc_services` raised ZeroDivisionError"),
    ],
)
def test_what_breaks_a_rule_ends_the_start(install: Install, services: str, said: str) -> None:
    garden(install, services)

    told = refused("garden")

    assert said in told
    assert "fix: " in told


def test_an_optional_context_whose_services_break_a_rule_is_left_out_as_a_whole(install: Install) -> None:
    garden(install, GOOD.replace(": pick", ": unmarked"))
    garden(install, GOOD.replace('("Pick")', '("Pick", name="meadow.Meadow")'), "meadow")
    assembly, _routes = compose(HostSettings(contexts=("garden", "meadow"), optional_contexts=("garden",)))

    methods = methods_of(assembly)

    assert [method.context for method in methods] == ["meadow"]
    assert assembly.names == ["meadow"]


def test_check_says_what_breaks_a_rule(install: Install) -> None:
    garden(install, GOOD.replace(": pick", ": unmarked"))

    findings, _assembly = check(HostSettings(contexts=("garden",)))

    assert [finding.number for finding in findings if "who may call" in finding.what] == ["E001"]
