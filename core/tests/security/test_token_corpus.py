"""No token of the corpus is believed, and none of them makes the verifier stumble."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from core.tests.security.test_tokens import KEY, token, verifier
from core.tests.security.token_corpus import forged, signed_but_wrong
from hedgerow_core.domain import AuthenticationError
from hedgerow_core.security import TokenVerifier
from hedgerow_core.testing import FakeClock

AT_LEAST = 500


async def believed(verifier: TokenVerifier, tokens: Iterable[str]) -> list[str]:
    """Those that were not refused in the proper way."""
    wrong = []
    for presented in tokens:
        try:
            await verifier.verify(presented)
        except AuthenticationError:
            continue
        except Exception as error:
            wrong.append(f"{type(error).__name__} at {presented[:200]}")
        else:
            wrong.append(presented)
    return wrong


async def test_a_forged_token_is_never_believed(clock: FakeClock) -> None:
    tokens = list(forged(token(clock), KEY.public_key()))

    assert len(set(tokens)) >= AT_LEAST
    assert await believed(verifier(clock), tokens) == []


async def test_a_token_of_the_true_key_is_not_believed_whatever_it_says(clock: FakeClock) -> None:
    assert await believed(verifier(clock), signed_but_wrong(token(clock), KEY.sign)) == []


async def test_the_corpus_would_find_a_believer(clock: FakeClock) -> None:
    good = token(clock)

    assert await believed(verifier(clock), [good]) == [good]


@pytest.mark.parametrize("case", ["at+jwt", "AT+JWT", "at+JWT"])
async def test_a_media_type_has_no_letter_case(clock: FakeClock, case: str) -> None:
    assert await believed(verifier(clock), [token(clock, header={"typ": case})]) != []
