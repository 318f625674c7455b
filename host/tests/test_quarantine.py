"""What is left out, and what ends the start, where contexts need each other or want the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hedgerow_host.catalog import compose, context_rows
from hedgerow_host.checks import check
from hedgerow_host.problems import CompositionError
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

FLOWERS = """
    @hookimpl
    def routes(container, bus):
        router = ContextRouter(container.core.context(), prefix="/.well-known")

        @router.get("/flowers/{0}")
        @public
        async def flowers() -> None: ...

        return [router]
"""
BROKEN = "raise RuntimeError('thorns')"


def hosted(*contexts: str, optional: tuple[str, ...] = ()) -> list[str]:
    assembly, _routes = compose(HostSettings(contexts=contexts, optional_contexts=optional))
    return assembly.names


def refused(*contexts: str, optional: tuple[str, ...] = ()) -> str:
    with pytest.raises(CompositionError) as ended:
        hosted(*contexts, optional=optional)
    return str(ended.value)


def test_a_context_that_requires_one_in_quarantine_goes_with_it(install: Install) -> None:
    install("apple", "", manifest='requires=("tree",),')
    install("tree", BROKEN)
    install("wasp", "", manifest='requires=("apple",),')
    install("garden", "", manifest='optional=("tree",),')

    assert hosted("apple", "garden", "tree", "wasp", optional=("apple", "tree", "wasp")) == ["garden"]


def test_a_required_context_that_requires_one_in_quarantine_ends_the_start_with_both_names(
    install: Install,
) -> None:
    install("apple", "", manifest='requires=("tree",),')
    install("tree", BROKEN)

    told = refused("apple", "tree", optional=("tree",))

    assert "apple: requires the context tree, and tree is in quarantine: tree: cannot be imported" in told
    assert "thorns" in told


def test_so_does_one_whose_need_is_found_late(install: Install) -> None:
    install("apple", "", manifest='requires=("tree",),')
    install("tree", FLOWERS.replace("@public", ""))

    assert "apple: requires the context tree" in refused("apple", "tree", optional=("tree",))
    assert hosted("apple", "tree", optional=("apple", "tree")) == []


@pytest.mark.parametrize(
    ("optional", "left"), [(("birch",), ["alder"]), (("alder",), ["birch"]), (("alder", "birch"), [])]
)
def test_of_two_that_want_the_same_the_optional_one_goes(
    install: Install, optional: tuple[str, ...], left: list[str]
) -> None:
    install("alder", FLOWERS.replace("{0}", "{name}"))
    install("birch", FLOWERS.replace("{0}", "{called}"))

    assert "is defined twice" in refused("alder", "birch")
    assert hosted("alder", "birch", optional=optional) == left


def test_contexts_that_wait_for_each_other_go_if_one_of_them_may(install: Install) -> None:
    install("egg", "", manifest='requires=("hen",),')
    install("hen", "", manifest='requires=("egg",),')

    assert "hen: requires the context egg" in refused("egg", "hen", optional=("egg",))
    assert hosted("egg", "hen", optional=("egg", "hen")) == []


def test_an_optional_context_that_is_sound_is_hosted_as_any_other(install: Install) -> None:
    install("apple", "")

    assert hosted("apple", optional=("apple",)) == ["apple"]


def test_what_is_left_out_is_listed_with_its_reason(install: Install) -> None:
    install("apple", BROKEN)

    rows = context_rows(*compose(HostSettings(contexts=("apple",), optional_contexts=("apple",))))

    (apple,) = (row for row in rows if row["name"] == "apple")
    assert apple["state"] == "quarantined"
    assert apple["notes"] == ["apple: cannot be imported: RuntimeError: thorns"]


def test_check_finds_what_is_left_out(install: Install) -> None:
    install("apple", BROKEN)
    settings = HostSettings(contexts=("apple",), optional_contexts=("apple",))

    findings, _assembly = check(settings)

    (finding,) = (one for one in findings if one.number == "E001")
    assert (finding.id, finding.what) == ("apple.E001", "cannot be imported: RuntimeError: thorns")


def test_two_distributions_that_nobody_lists_may_offer_the_same(install: Install) -> None:
    install("apple", "")
    install("wasp", "", package="try_one")
    install("wasp", "", package="try_two")

    assert hosted("apple") == ["apple"]


def test_a_context_with_routes_alone_needs_neither_container_nor_handlers(install: Install) -> None:
    install("apple", "del container, handlers")

    assert hosted("apple") == ["apple"]
