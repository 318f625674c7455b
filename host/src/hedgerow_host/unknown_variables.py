"""Variables that look like settings, and that nobody reads: most are misspelt, and the default is in force."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic_settings import BaseSettings

from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.settings import PREFIX, HostSettings, variables_of

OF_TESTS = f"{PREFIX}TEST_"
"""The test kit reads these."""
_OF_A_CLUSTER = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_")
"""Kubernetes tells every process of each service, by variables that begin with the name of the service."""


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    """One of them, whose it seems to be, and which one was meant."""

    name: str
    context: str | None
    """None: the host."""
    nearest: str | None

    @property
    def fix(self) -> str:
        """What to do about it."""
        meant = f"did you mean {self.nearest}? Correct it" if self.nearest else "correct its name"
        return f"{meant}, or take it out of the environment or .env"


def unknown_variables(
    contexts: Iterable[HostedContext], environment: Mapping[str, str] = os.environ
) -> Iterator[UnknownVariable]:
    """Those that begin like the settings of the host, or of one of the contexts, and are none of them."""
    settings = {context.name: type(context.settings) for context in contexts if context.settings is not None}
    yield from _unknown(None, HostSettings, environment)
    for context, kind in settings.items():
        yield from _unknown(context, kind, environment)


def _unknown(
    context: str | None, settings: type[BaseSettings], environment: Mapping[str, str]
) -> Iterator[UnknownVariable]:
    prefix = settings.model_config.get("env_prefix", "").upper()
    nested = settings.model_config.get("env_nested_delimiter")
    known = {variable.upper() for variable in variables_of(settings)}
    for name in sorted(environment):
        whole = name.upper()
        field = whole.partition(nested.upper())[0] if nested else whole
        if not prefix or not whole.startswith(prefix) or field in known or whole in known:
            continue
        if whole.startswith(OF_TESTS) or _OF_A_CLUSTER.search(whole) or environment[name].startswith("tcp://"):
            continue
        bare = {variable.removeprefix(prefix): variable for variable in known}
        nearest = get_close_matches(whole.removeprefix(prefix), bare, n=1)
        yield UnknownVariable(name, context, bare[nearest[0]] if nearest else None)
