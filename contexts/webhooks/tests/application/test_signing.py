"""Messages are signed as Standard Webhooks says: by its own example, and as who receives such messages judges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedgerow_core.domain import Secret
from hedgerow_users.application.webhook_signatures import WINDOW, SentWebhook, is_signed
from hedgerow_webhooks.application.signing import signed_headers
from hedgerow_webhooks.domain.signing_secret import SigningSecret

AT = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
BODY = b'{"type":"billing.invoice_paid"}'
SECRET, OTHER = SigningSecret.new(), SigningSecret.new()


def test_the_example_of_the_standard_is_signed_as_it_is_there() -> None:
    secret = SigningSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], at=at)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def sent(*secrets: SigningSecret, body: bytes = BODY, **changed: str) -> SentWebhook:
    headers = {**signed_headers("an-id", BODY, secrets, at=AT), **changed}
    return SentWebhook(
        id=headers["webhook-id"],
        timestamp=headers["webhook-timestamp"],
        signatures=headers["webhook-signature"],
        body=body,
    )


def test_who_knows_one_of_the_secrets_believes_it() -> None:
    for known in (SECRET, OTHER):
        assert is_signed(sent(SECRET, OTHER), [known.key], at=AT)
    assert not is_signed(sent(SECRET), [OTHER.key], at=AT)


@pytest.mark.parametrize("at", range(len(BODY)))
def test_one_tampered_byte_is_enough_to_be_refused(at: int) -> None:
    body = bytearray(BODY)
    body[at] ^= 1
    assert not is_signed(sent(SECRET, body=bytes(body)), [SECRET.key], at=AT)


def test_another_id_or_time_is_refused_and_so_is_a_recording() -> None:
    for changed in ({"webhook-id": "another"}, {"webhook-timestamp": str(int(AT.timestamp()) + 1)}):
        assert not is_signed(sent(SECRET, **changed), [SECRET.key], at=AT)
    assert is_signed(sent(SECRET), [SECRET.key], at=AT + WINDOW)
    assert not is_signed(sent(SECRET), [SECRET.key], at=AT + WINDOW + timedelta(seconds=1))
