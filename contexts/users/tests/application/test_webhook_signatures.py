"""A webhook is believed as it was signed, to the byte, and for five minutes (experiment 31, the receiving half)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hedgerow_core.testing import LocalIssuer
from hedgerow_users.application import webhook_signatures
from hedgerow_users.application.webhook_signatures import MOST_SIGNATURES, WINDOW, SentWebhook, is_signed

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32
SECRET, OTHER_SECRET = (f"whsec_{base64.b64encode(key).decode()}" for key in (KEY, OTHER))
ISSUER = LocalIssuer(algorithm="EdDSA")


def sent(*, at: datetime = NOW, secret: str = SECRET, id: str = "msg_1") -> SentWebhook:
    webhook = ISSUER.webhook("user.updated", {"id": "acme|42"}, id=id, at=at, secret=secret)
    return SentWebhook(
        id=webhook.headers["webhook-id"],
        timestamp=webhook.headers["webhook-timestamp"],
        signatures=webhook.headers["webhook-signature"],
        body=webhook.body,
    )


def believed(webhook: SentWebhook, *keys: bytes, at: datetime = NOW) -> bool:
    return is_signed(webhook, keys or (KEY,), at=at)


def tampered(good: SentWebhook) -> Iterator[SentWebhook]:
    """Each byte of each part, another one in its place; one too few, one too many."""
    for field in ("id", "timestamp", "signatures"):
        text = getattr(good, field)
        for place in range(len(text)):
            for other in "A1 ,=":
                if text[place] != other:
                    yield replace(good, **{field: text[:place] + other + text[place + 1 :]})
            yield replace(good, **{field: text[:place] + text[place + 1 :]})
    for place in range(len(good.body)):
        yield replace(good, body=good.body[:place] + bytes([good.body[place] ^ 1]) + good.body[place + 1 :])
    yield replace(good, body=good.body + b" ")
    yield replace(good, body=good.body[:-1])
    yield replace(good, body=b"")


def test_what_was_signed_is_believed() -> None:
    assert believed(sent())


def test_one_tampered_byte_anywhere_is_refused() -> None:
    tried = list(tampered(sent()))

    assert len(tried) > 400
    assert [webhook for webhook in tried if believed(webhook)] == []


def test_a_check_of_the_id_alone_would_let_tampered_ones_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = webhook_signatures.hmac.digest
    monkeypatch.setattr(
        webhook_signatures.hmac, "digest", lambda key, signed, kind: digest(key, signed.split(b".")[0], kind)
    )
    only_id = replace(sent(), signatures=f"v1,{base64.b64encode(digest(KEY, b'msg_1', 'sha256')).decode()}")

    assert believed(only_id)
    assert any(believed(webhook) for webhook in tampered(only_id))


def test_bits_that_decode_to_nothing_are_part_of_the_signature() -> None:
    good = sent()
    last = good.signatures[-2]
    alike = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" if c != last]

    assert not any(believed(replace(good, signatures=f"{good.signatures[:-2]}{other}=")) for other in alike)


@pytest.mark.parametrize(
    ("seconds", "good"), [(-301, False), (-300, True), (-299, True), (299, True), (300, True), (301, False)]
)
def test_the_window_is_five_minutes_in_both_directions(seconds: int, good: bool) -> None:
    assert believed(sent(at=NOW + timedelta(seconds=seconds))) is good


def test_without_the_window_a_recording_would_be_good_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = sent(at=NOW - timedelta(days=30))
    assert not believed(recorded)
    monkeypatch.setattr(webhook_signatures, "WINDOW", WINDOW * 10_000)
    assert believed(recorded)


def test_while_a_secret_is_replaced_both_are_good_and_afterwards_one() -> None:
    old, new = sent(secret=OTHER_SECRET), sent()

    assert believed(old, KEY, OTHER)
    assert believed(new, KEY, OTHER)
    assert not believed(old, KEY)
    assert not believed(old, KEY, b"x" * 32)


def test_a_sender_that_replaces_its_secret_signs_twice() -> None:
    ours, theirs = sent(), sent(secret=OTHER_SECRET)
    for order in (f"{theirs.signatures} {ours.signatures}", f"{ours.signatures} v1a,AAAA {theirs.signatures}"):
        assert believed(replace(ours, signatures=order))
    many = " ".join(["v1,AAAA"] * MOST_SIGNATURES)
    assert not believed(replace(ours, signatures=f"{many} {ours.signatures}"))


def shifted(good: SentWebhook) -> SentWebhook:
    """The same signed text, taken apart elsewhere."""
    return replace(good, id=f"{good.id}.{good.timestamp}", timestamp="", body=good.body)


@pytest.mark.parametrize(
    "change",
    [
        lambda good: replace(good, id=""),
        lambda good: replace(good, id="msg.1"),
        lambda good: replace(good, id="x" * 256),
        lambda good: replace(good, id="msg 1"),
        lambda good: replace(good, timestamp=""),
        lambda good: replace(good, timestamp=f"+{good.timestamp}"),
        lambda good: replace(good, timestamp=f" {good.timestamp}"),
        lambda good: replace(good, timestamp=f"{good.timestamp}.0"),
        lambda good: replace(good, timestamp="nan"),
        lambda good: replace(good, timestamp="\u0661" * 10),
        lambda good: replace(good, timestamp="9" * 400),
        lambda good: replace(good, signatures=""),
        lambda good: replace(good, signatures="v1"),
        lambda good: replace(good, signatures="v1,"),
        lambda good: replace(good, signatures=good.signatures.removeprefix("v1,")),
        lambda good: replace(good, signatures=good.signatures.replace("v1,", "v1a,")),
        lambda good: replace(good, signatures=good.signatures.replace("v1,", "V1,")),
        lambda good: replace(good, signatures=good.signatures + "\u00e9"),
        shifted,
    ],
)
def test_what_is_missing_or_misshapen_is_refused(change: Callable[[SentWebhook], SentWebhook]) -> None:
    assert not believed(change(sent()))


def test_signatures_are_those_of_the_standard() -> None:
    """Made once with the reference implementation, standardwebhooks 1.1.0 for Python."""
    vector = SentWebhook(
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp="1614265330",
        signatures="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body=b'{"test": 2432232314}',
    )
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert is_signed(vector, [key], at=datetime.fromtimestamp(1614265330, UTC))
