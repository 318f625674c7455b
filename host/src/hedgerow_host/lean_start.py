"""What keeps the start of a server short and its process small. Called first, before anything heavy is imported.

Nothing is collected meanwhile: hardly anything that a start builds is garbage, and to look for it took a fifth of
the start. And some libraries import whatever else happens to be installed, for abilities that nobody here uses;
they don't find it (ADR 0047). Models that only documents are made of are built with the first document (ADR 0050).
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from hedgerow_core.unseen import unseen
from hedgerow_host.methods_later import write_methods_at_once, write_methods_later
from hedgerow_host.packages_later import run_later

_GATHERING: Mapping[str, Collection[str]] = {
    "cryptography.x509": (),  # certificates, in which keys of tokens may come: ours don't
    "sqlalchemy.ext.asyncio": (
        "engine:AsyncConnection",
        "engine:AsyncEngine",
        "engine:create_async_engine",
        "exc",
    ),  # the rest are sessions of the ORM
    "uvicorn": ("config:Config", "server:Server"),  # the rest is its command line
}
"""Packages that import everything they have, and what of it a server uses."""
_M_ARENA_MAX = -8
"""As in malloc.h of glibc."""
YOUNG_OBJECTS = 10_000
"""So many more objects than before, and the collector looks through them: some MB at most."""


def begin_lean() -> None:
    """Leave garbage where it is, and methods of dataclasses unwritten, until `spare_what_is_built`."""
    gc.disable()
    write_methods_later()


def start_lean() -> None:
    """Import those libraries without their company. Begins, where nobody has begun."""
    begin_lean()
    share_one_heap()
    for package, at_hand in _GATHERING.items():
        run_later(package, at_hand)
    with building_models_later():
        import fastapi.openapi.models  # noqa: F401
    with unseen("better_exceptions", "colorama", "rich"):  # tracebacks in colour, which print local variables
        import structlog  # noqa: F401
    with unseen("fast_depends", "werkzeug"):  # marks of parameters, for a wiring that we do without (ADR 0009)
        import dependency_injector.containers  # noqa: F401
    with unseen("opentelemetry.sdk"):  # metrics of its own, which somebody would have to switch on
        import redis.asyncio  # noqa: F401


def share_one_heap() -> None:
    """Have all threads take memory from one heap, where the C library is GNU's.

    Else each thread has its own, which keeps what it has grown to for the life of the process: after the first
    login, the 19 MiB of a hash. Threads wait for each other's Python anyway.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


@contextmanager
def building_models_later() -> Iterator[None]:
    """Have models of Pydantic that are declared meanwhile build their validators when they are first used."""
    from pydantic import BaseModel

    usual = BaseModel.model_config
    BaseModel.model_config = {**usual, "defer_build": True}
    try:
        yield
    finally:
        BaseModel.model_config = usual


def spare_what_is_built() -> None:
    """Tell the garbage collector that all there is now stays, and let it begin.

    It doesn't look before: there is next to nothing to find, and it stops a process for 0.14 s. What is young is
    looked through less often than Python would, too: requests leave hardly any circles behind, and looking for them
    took three hundredths of each.
    """
    write_methods_at_once()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()
