"""What belongs to everybody is put back after each import and hook, and who changed it is named."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from hedgerow_host.catalog import compose
from hedgerow_host.problems import CompositionError
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

CHANGES = {
    "the working folder": "import os; os.chdir('/')",
    "the environment": "import os; os.environ.clear()",
    "the recursion limit": "import sys; sys.setrecursionlimit(900)",
    "the standard streams": "import sys; sys.stderr = None",
    "the logging of all": "import logging; logging.disable(100)",
    "file descriptor 1": "import os; os.close(1)",
    "the default timeout of sockets": "import socket; socket.setdefaulttimeout(0.001)",
    "FastAPI.__init__": "import fastapi; fastapi.FastAPI.__init__ = lambda self, *a, **k: 1 / 0",
    "APIRoute.matches": "from fastapi.routing import APIRoute; APIRoute.matches = None",
    "APIRoute.handle": "from fastapi.routing import APIRoute; APIRoute.handle = lambda self: None",
    "json.dumps": "import json; del json.dumps",
    "logging.basicConfig": "import logging; logging.basicConfig = None",
}


def everything() -> list[object]:
    return [
        os.getcwd(),
        dict(os.environ),
        sys.getrecursionlimit(),
        sys.stderr,
        logging.root.manager.disable,
        os.fstat(1).st_ino,
        socket.getdefaulttimeout(),
        dict(vars(FastAPI)),
        dict(vars(APIRoute)),
        json.dumps,
        logging.basicConfig,
    ]


@pytest.mark.parametrize("what", CHANGES)
def test_what_an_import_changes_of_others_is_put_back_and_its_context_is_named(install: Install, what: str) -> None:
    install("weed", CHANGES[what])
    before = everything()

    with pytest.raises(CompositionError) as refused:
        compose(HostSettings(contexts=("weed",)))

    assert everything() == before
    (problem,) = refused.value.problems
    assert problem.contexts == ("weed",)
    assert f"its import changed {what}, which everybody" in problem.what


def test_so_is_what_a_hook_changes(install: Install) -> None:
    install("weed", "@hookimpl\ndef routes():\n    import os\n    os.chdir('/')\n    return ()\n")
    before = everything()

    with pytest.raises(CompositionError, match="weed: its hook `routes` changed the working folder"):
        compose(HostSettings(contexts=("weed",)))

    assert everything() == before


def test_an_optional_context_that_changes_what_is_of_all_is_left_out(install: Install) -> None:
    install("rose", "")
    install("weed", CHANGES["APIRoute.matches"] + "\n" + CHANGES["the working folder"])

    assembly, _routes = compose(HostSettings(contexts=("rose", "weed"), optional_contexts=("weed",)))

    assert assembly.names == ["rose"]
    assert "the working folder, APIRoute.matches, which everybody" in assembly.quarantine.absence("weed")


def test_an_import_may_set_up_logging_where_nobody_has(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    install("weed", "import logging; logging.basicConfig(level=10)")

    assert compose(HostSettings(contexts=("weed",)))[0].names == ["weed"]

    monkeypatch.setattr(logging.root, "handlers", [logging.NullHandler()])
    install("moss", "import logging; logging.root.handlers.clear()")
    with pytest.raises(CompositionError, match="moss: its import changed the logging of all"):
        compose(HostSettings(contexts=("moss",)))


def test_a_new_variable_and_a_new_module_are_no_change(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEED_THREADS", "0")
    monkeypatch.delenv("WEED_THREADS")
    install("weed", "import os, json.tool; os.environ['WEED_THREADS'] = '1'; json.weed = print")

    assembly, _routes = compose(HostSettings(contexts=("weed",)))

    assert assembly.names == ["weed"]
    assert os.environ["WEED_THREADS"] == "1"
    del json.weed  # type: ignore[attr-defined]
