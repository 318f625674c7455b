"""The command line is made for the word that was typed, and nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest
from typer.main import get_command

from hedgerow_host.cli.verbs import app, names_of_verbs, verbs_behind

WHOLE: Any = get_command(app)
VERBS = sorted(WHOLE.commands)


def help_of(command_line: Any, verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    command_line([verb, "--help"], prog_name="hedgerow", standalone_mode=False)
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_alone_says_of_itself_what_it_says_among_all(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    alone: Any = get_command(verbs_behind(verb))

    assert list(alone.commands) == [verb]
    assert help_of(alone, verb, capsys) == help_of(WHOLE, verb, capsys) != ""


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",)])
def test_who_names_no_verb_has_them_all(words: tuple[str, ...]) -> None:
    assert verbs_behind(*words) is app


def test_who_names_none_of_ours_means_a_contexts() -> None:
    assert list(get_command(verbs_behind("users")).commands) == []  # type: ignore[attr-defined] # it is a group


def test_what_was_meant_is_guessed_among_all_verbs() -> None:
    assert sorted(names_of_verbs()) == VERBS


def test_a_verb_does_not_take_the_others_from_the_command_line() -> None:
    verbs_behind("deliveries")

    assert sorted(get_command(app).commands) == VERBS  # type: ignore[attr-defined] # it is a group
