"""`sundial`: one route that answers a constant, so that what is measured is the way there."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from dependency_injector import containers, providers

from hedgerow_core.application import Bus
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.plugin import CoreContainer, Manifest, hookimpl

NAME = "sundial"
SLOWED_S = float(os.environ.get("SUNDIAL_SLOWED_MS", "0")) / 1000
"""To see that a benchmark can be red."""


class SundialContainer(containers.DeclarativeContainer):
    """What is wired to what."""

    core = providers.DependenciesContainer()


@hookimpl
def manifest() -> Manifest:
    """Who it is."""
    return Manifest(name=NAME, version="1.0", core_api=">=0.1,<1")


@hookimpl
def container(core: CoreContainer) -> SundialContainer:
    """What is wired to what."""
    return SundialContainer(core=core)


@hookimpl
def routes(container: SundialContainer, bus: Bus) -> Sequence[ContextRouter]:
    """Its only route."""
    router = ContextRouter(NAME)

    @router.get("/hour")
    @public
    async def hour() -> dict[str, int]:
        """It is noon."""
        if SLOWED_S:
            time.sleep(SLOWED_S)  # noqa: ASYNC251 - it is to cost something
        return {"hour": 12}

    return [router]
