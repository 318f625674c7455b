"""The host's settings although some can't be used: so that all that is wrong is said at once."""

from __future__ import annotations

from pydantic import ValidationError

from hedgerow_host.problems import Problem, settings_problems
from hedgerow_host.settings import HostSettings, read_env_file, variable_of


def settings_as_far_as_usable() -> tuple[HostSettings, list[Problem]]:
    """The settings, with the default for each that can't be used, and what is wrong with those."""
    read_env_file()
    try:
        return HostSettings(), []
    except ValidationError as error:
        problems: list[Problem] = [*settings_problems(HostSettings, error)]
        unusable = {problem.subject for problem in problems}
        defaults = {
            name: field.default
            for name, field in HostSettings.model_fields.items()
            if variable_of(name, HostSettings.model_config.get("env_prefix", ""), field.validation_alias)
            in unusable
        }
        return HostSettings(**defaults), problems
