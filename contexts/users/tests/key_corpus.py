"""API keys that must never be believed: mutations of a good one, by somebody who knows how a checksum is made."""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator

from hedgerow_users.domain.api_key_text import CHECKSUM_CHARACTERS, PREFIX, KeyText, checksum_of

_LETTERS = string.digits + string.ascii_letters
_PREFIXES = (
    "",
    "hg_",
    "HGK_",
    "hgk",
    "hgk-",
    "hgk__",
    "xhgk_",
    "ghp_",
    "sk_live_",
    "hgk_hgk_",
    " hgk_",
    "hgk_\u200b",
)
_INJECTIONS = (
    "'",
    "' OR '1'='1",
    "'; DROP TABLE api_keys; --",
    "%",
    "_" * 8,
    "\\",
    '"',
    "$1",
    "{}",
    "../..",
    "%00",
    "*",
)
_JUNK = (
    "\x00",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\u00a0",
    "\u2028",
    "é",
    "\uff21",
    "😀",
    "\ud800",
    "\u202e",
    "=",
    "+",
    "/",
    ".",
    "a",
)


def forged_keys(good: str) -> Iterator[str]:
    """From one good key. None of them is the good one."""
    body = good.removeprefix(PREFIX)
    for at, character in enumerate(good):
        other = "A" if character != "A" else "B"
        yield good[:at] + other + good[at + 1 :]
        yield good[:at] + good[at + 1 :]
    for at in range(len(PREFIX), len(good) - CHECKSUM_CHARACTERS):  # with the checksum mended
        other = "A" if good[at] != "A" else "B"
        yield _mended(good[:at] + other + good[at + 1 : -CHECKSUM_CHARACTERS])
    yield from (good[:length] for length in range(0, len(good), 3))
    yield from (prefix + body for prefix in _PREFIXES)
    yield from (_mended(prefix + body[:-CHECKSUM_CHARACTERS]) for prefix in _PREFIXES)
    for junk in _JUNK:
        yield from (good + junk, junk + good, good[:12] + junk + good[12:], good[:20] + junk + good[21:])
    for injection in _INJECTIONS:
        public = (injection * 8)[:8]
        yield from (PREFIX + injection, PREFIX + public + body[8:], _mended(PREFIX + public + body[8:-6]))
    yield from (good * 2, good * 100, PREFIX + "a" * 7_000, good + "a" * 3_000, good.swapcase(), good[::-1])
    yield from (base64.b64encode(good.encode()).decode(), good.encode().hex(), f'"{good}"', f"Bearer {good}")
    yield from (KeyText.new().secret.reveal() for _ in range(20))  # whole, and nobody's
    yield from (_mended(good[:12] + fill * 43) for fill in _LETTERS[::5])


def _mended(unchecked: str) -> str:
    return unchecked + checksum_of(unchecked.encode("utf-8", "replace").decode())
