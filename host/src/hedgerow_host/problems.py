"""What is wrong with a composition. Problems are collected and shown together, each with its fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from traceback import walk_tb
from types import FrameType

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from hedgerow_core.plugin import UnusableSetting
from hedgerow_host.settings import variable_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps the host, or one of its contexts, from starting."""

    subject: str
    """Which context, route, event or setting."""
    what: str
    fix: str
    sources: tuple[str, ...] = ()
    """Where it comes from: modules, distributions."""
    contexts: tuple[str, ...] = ()
    """With any one of these left out, the problem is gone. None: it is the host's own."""

    @property
    def in_short(self) -> str:
        """What is wrong, in one line."""
        return f"{self.subject}: {self.what}".partition("\n")[0]

    def __str__(self) -> str:
        found = f" [{'; '.join(self.sources)}]" if self.sources else ""
        return f"{self.subject}: {self.what}{found}\n  fix: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingProblem(Problem):
    """A setting that is missing, or can't be used here. Its `subject` is the variable."""


class CompositionError(Exception):
    """The contexts cannot be composed to a host."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def said_by(error: BaseException) -> str:
    """Type and message of an error. Its author may have broken the message, too."""
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:
        return f"{type(error).__name__}, which can't say what it means"


def place_in(error: BaseException, package: str) -> tuple[str, ...]:
    """File and line where it went wrong: the last ones in the package, if it was there at all."""
    if isinstance(error, SyntaxError) and error.filename:
        return (f"{error.filename}:{error.lineno}",)
    return last_place(((frame, line) for frame, line in walk_tb(error.__traceback__)), package)


def last_place(frames: Iterable[tuple[FrameType, int]], package: str) -> tuple[str, ...]:
    """File and line of the last of these frames that lies in the package, else of the last of all."""
    seen = [(frame, line) for frame, line in frames if not frame.f_code.co_filename.startswith("<frozen")]
    own = [(frame, line) for frame, line in seen if is_in(frame.f_globals.get("__name__", ""), package)]
    return tuple(f"{frame.f_code.co_filename}:{line}" for frame, line in (own or seen)[-1:])


def is_in(module: str, package: str) -> bool:
    """Whether a module is the package, or lies in it."""
    return module == package or module.startswith(f"{package}.")


def settings_problems(settings: type[BaseSettings], error: ValidationError) -> list[SettingProblem]:
    """Every unusable setting, by the name of its environment variable."""
    prefix = settings.model_config.get("env_prefix", "")
    problems = []
    for finding in error.errors(include_url=False):
        name = str(finding["loc"][0]) if finding["loc"] else settings.__name__
        variable, field = _named(settings, prefix, name)
        if delimiter := settings.model_config.get("env_nested_delimiter"):
            variable = delimiter.join([variable, *(str(part).upper() for part in finding["loc"][1:])])
        said = finding["msg"].removeprefix("Value error, ")  # pydantic's words before ours
        what = "is not set" if finding["type"] == "missing" else f"is not acceptable: {said}"
        meaning = (field.description if field else None) or ""
        fix = f"set it in the environment or in .env. {meaning}".rstrip()
        problems.append(SettingProblem(subject=variable, what=what, fix=fix))
    return problems


def refused_settings(error: BaseException, *, context: str, source: str) -> list[SettingProblem]:
    """The settings that a hook refused: by an `UnusableSetting`, or by a group of them. Else none."""
    refused = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    if not all(isinstance(one, UnusableSetting) for one in refused):
        return []
    return [
        SettingProblem(subject=one.variable, what=one.what, sources=(source,), fix=one.fix, contexts=(context,))
        for one in refused
        if isinstance(one, UnusableSetting)
    ]


def _named(settings: type[BaseSettings], prefix: str, name: str) -> tuple[str, FieldInfo | None]:
    """The variable behind what pydantic complains about, which it names by field or by alias."""
    for field_name, field in settings.model_fields.items():
        variable = variable_of(field_name, prefix, field.validation_alias)
        if name in (field_name, variable):
            return variable, field
    return name, None
