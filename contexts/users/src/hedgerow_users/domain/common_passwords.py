"""The passwords that are tried first: well-known words with some digits, rows of keys, dates and repetitions.

Rules instead of one long list: they refuse what the lists of leaked passwords begin with, and its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PRODUCT = "hedgerow"
SHORTEST_OWN_WORD = 3
"""An initial is in every password."""
MOST_BETWEEN = 8
"""Digits and signs around somebody's own words: a birthday fits. With more of them they are the password."""
SHORTEST_RUN = 3
SHORTEST_REPEATED = 5
"""What is repeated must have so many characters: fewer are guessed as one."""

_WORDS_FILE = Path(__file__).with_name("common_words.txt")
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "!@#$%^&*()",
    "qwertyuiop[]",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl;'",
    "qsdfghjklm",
    "zxcvbnm,./",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8",
    "a1s2d3f4g5h6",
    "z1x2c3v4b5n6",
    "147258369",
    "159357",
    "135792468",
    "102030405060",
    "112233445566778899",
    "aabbccddeeff",
    "qqwweerrttyy",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
)
_LINES = tuple(line for row in _ROWS for line in (row, row[::-1]))
_LONGEST = max(map(len, _ROWS))
_TAIL = re.compile(r"[\d!@#$%^&*.,?+=_-]{0,6}")
_HEADS = (re.compile(r"\d+"), re.compile(r"[a-z]{1,2}(?=\d)"))
_DISGUISE = str.maketrans("@4301$5!7", "aaeoissit")
_DAY, _MONTH, _YEAR = "(0[1-9]|[12]\\d|3[01])", "(0[1-9]|1[0-2])", "(19|20)\\d\\d"
_DATE = re.compile(f"{_DAY}{_MONTH}{_YEAR}|{_MONTH}{_DAY}{_YEAR}|{_YEAR}{_MONTH}{_DAY}")


def is_common(password: str) -> bool:
    """Whether somebody who guesses would come to it soon. The case of letters does not matter."""
    text = password.casefold()
    return _repeats(text) or _DATE.fullmatch(text) is not None or any(map(_is_known, _without_ends(text)))


def is_made_of(password: str, own: Iterable[str]) -> bool:
    """Whether it is nothing but these words, in whatever order, with a few digits and signs between them."""
    text = password.casefold()
    letters = _letters_of(text)
    words = {PRODUCT, *(word for known in own for word in _words_of(known.casefold()))}
    rest = letters
    for word in sorted(filter(None, map(_letters_of, words)), key=len, reverse=True):
        rest = rest.replace(word, "")
    return text in words or (rest == "" and letters != "" and len(text) - len(letters) <= MOST_BETWEEN)


@cache
def common_words() -> frozenset[str]:
    """The words of the file, read once."""
    lines = _WORDS_FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _without_ends(text: str) -> Iterable[str]:
    """The text, and what is left of it without the digits and signs that it may begin and end with.

    A letter or two may stand before digits.
    """
    for begin in {0, *(found.end() for form in _HEADS if (found := form.match(text)))}:
        for end in range(len(text), max(begin, len(text) - 7), -1):
            if _TAIL.fullmatch(text[end:]):
                yield text[begin:end]


def _is_known(text: str) -> bool:
    return text in common_words() or text.translate(_DISGUISE) in common_words() or _runs_along_keys(text)


def _runs_along_keys(text: str) -> bool:
    """Whether it is rows of neighbouring keys, or of the alphabet, and nothing else."""
    at = 0
    while at < len(text):
        longest = min(len(text) - at, _LONGEST)
        length = next((n for n in range(longest, SHORTEST_RUN - 1, -1) if _is_run(text[at : at + n])), 0)
        if length == 0:
            return False
        at += length
    return at > 0


def _is_run(piece: str) -> bool:
    return len(set(piece)) == 1 or any(piece in line for line in _LINES)


def _repeats(text: str) -> bool:
    """Whether it is something short, or a common word, again and again."""
    for length in range(1, len(text) // 2 + 1):
        unit, times = text[:length], len(text) // length + 1
        if (unit * times)[: len(text)] == text and (length < SHORTEST_REPEATED or unit in common_words()):
            return True
    return False


def _words_of(text: str) -> set[str]:
    """A name or an address, and its parts."""
    local = text.partition("@")[0]
    found = {text, local, *re.split(r"[\W\d_]+", local)}
    return {word for word in found if len(word) >= SHORTEST_OWN_WORD}


def _letters_of(text: str) -> str:
    return "".join(filter(str.isalpha, text))
