"""What belongs to everybody in a process, and stays as it was while code of one context runs at start.

A route that matches nothing any more, or another working folder, shows up far from where it was changed, and others
are blamed. So it is looked at around each import and each hook, which takes 0.2 ms.
"""

from __future__ import annotations

import asyncio
import builtins
import json
import locale
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import eq
from types import ModuleType
from typing import Any, Generic, TypeVar

import fastapi
import starlette.applications
import starlette.requests
import starlette.responses
import starlette.routing
from fastapi.routing import APIRoute, APIRouter

Answer = TypeVar("Answer")
State = TypeVar("State")

OWNERS: tuple[type | ModuleType, ...] = (
    fastapi.FastAPI,
    APIRoute,
    APIRouter,
    starlette.applications.Starlette,
    starlette.requests.Request,
    starlette.responses.Response,
    starlette.responses.JSONResponse,
    starlette.routing.Route,
    starlette.routing.Router,
    threading.Thread,
    logging.Logger,
    asyncio,
    builtins,
    json,
    logging,
    os,
    socket,
    time,
)
"""Whose functions nobody replaces."""


class Changed(Exception):
    """It changed `what`, which belongs to everybody. All of it has been put back."""

    def __init__(self, what: list[str]) -> None:
        super().__init__(", ".join(what))
        self.what = ", ".join(what)


@dataclass(frozen=True, slots=True)
class Shared(Generic[State]):
    """One thing that all share: how it is read, put back, and compared."""

    name: str
    read: Callable[[], State]
    put_back: Callable[[State], object]
    is_kept: Callable[[State, State], bool] = eq


def left_as_found(work: Callable[[], Answer]) -> Answer:
    """Run some work, and put back what it changed of what belongs to everybody.

    Raises:
        Changed: it changed something. An exception of its own goes first.
    """
    limit, before = sys.getrecursionlimit(), [shared.read() for shared in SHARED]
    code = {owner: dict(vars(owner)) for owner in OWNERS}
    changed, spare = list[str](), _spare_descriptors()
    try:
        answer = work()
    finally:
        if sys.getrecursionlimit() != limit:
            sys.setrecursionlimit(limit)  # first of all, and right here: what is deeper may not run without it
            changed.append("the recursion limit")
        for shared, was in zip(SHARED, before, strict=True):
            if not shared.is_kept(was, shared.read()):
                shared.put_back(was)
                changed.append(shared.name)
        for owner, were in code.items():
            changed += _put_back(owner, were)
        changed += _open_again(spare)
    if changed:
        raise Changed(changed)
    return answer


def _put_back(owner: type | ModuleType, were: Mapping[str, Any]) -> Iterator[str]:
    """Modules may get more functions: they are where their parts are imported to."""
    now = dict(vars(owner))
    if now == were:
        return
    replaced = [name for name, was in were.items() if now.get(name) is not was and _is_code(was)]
    added = [name for name in now.keys() - were.keys() if isinstance(owner, type) and _is_code(now[name])]
    for name in replaced:
        setattr(owner, name, were[name])
    for name in added:
        delattr(owner, name)
    yield from (f"{owner.__name__}.{name}" for name in (*replaced, *added))


def _is_code(value: object) -> bool:
    return callable(value) or isinstance(value, staticmethod | classmethod | property)


def _spare_descriptors() -> dict[int, int]:
    spare = {}
    for number in (1, 2):
        with suppress(OSError):  # closed by who started us
            spare[number] = os.dup(number)
    return spare


def _open_again(spare: Mapping[int, int]) -> Iterator[str]:
    for number, copy in spare.items():
        is_same = False
        with suppress(OSError):
            is_same = os.path.sameopenfile(number, copy)
        if not is_same:
            os.dup2(copy, number)
            yield f"file descriptor {number}"
        os.close(copy)


def _folder() -> str | None:
    with suppress(FileNotFoundError):
        return os.getcwd()
    return None


def _go_back(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _still_there(was: dict[str, str], now: dict[str, str]) -> bool:
    """More variables are no change: libraries talk to each other by new ones."""
    return was.items() <= now.items()


def _streams() -> tuple[object, ...]:
    return sys.stdin, sys.stdout, sys.stderr


def _give_back(streams: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = streams


def _root_logger() -> tuple[int, int, list[logging.Handler]]:
    return logging.root.manager.disable, logging.root.level, list(logging.root.handlers)


def _log_as_before(state: tuple[int, int, list[logging.Handler]]) -> None:
    disable, level, handlers = state
    logging.disable(disable)
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


def _logs_as_before(
    was: tuple[int, int, list[logging.Handler]], now: tuple[int, int, list[logging.Handler]]
) -> bool:
    """Where nobody has set it up, whoever calls `basicConfig` takes nothing from others: a host does before."""
    return was == now or (not was[2] and was[0] == now[0])


SHARED: tuple[Shared[Any], ...] = (
    Shared("the working folder", _folder, _go_back),
    Shared("the environment", lambda: dict(os.environ), os.environ.update, _still_there),
    Shared("the standard streams", _streams, _give_back),
    Shared("the logging of all", _root_logger, _log_as_before, _logs_as_before),
    Shared("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda was: locale.setlocale(locale.LC_ALL, was)),
    Shared("the default timeout of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout),
)
