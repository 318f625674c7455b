"""The faults that the proxy promises really happen, on a real Redis; without faults it is not there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import redis

from tests.faults.laboratory.proxy import Faults, Proxy, proxy_before


@contextmanager
def clients(redis_url: str, faults: Faults) -> Iterator[tuple[redis.Redis, redis.Redis, Proxy]]:
    """A client behind the proxy, and one that goes straight."""
    place = urlsplit(redis_url)
    assert place.hostname
    assert place.port
    with proxy_before((place.hostname, place.port), faults, seed=1) as proxy:
        never = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        behind = redis.Redis(host="127.0.0.1", port=proxy.port, socket_timeout=0.3, retry=never)
        with behind, redis.Redis.from_url(redis_url) as straight:
            behind.ping()
            yield behind, straight, proxy


def test_without_faults_everything_passes(redis_url: str) -> None:
    with clients(redis_url, Faults()) as (behind, straight, proxy):
        behind.set("laboratory", "passed")
        assert straight.get("laboratory") == b"passed"
    assert not proxy.happened


def test_a_dropped_reply_leaves_the_request_done(redis_url: str) -> None:
    with clients(redis_url, Faults()) as (behind, straight, proxy):
        proxy.faults.drop_reply = 1.0
        with pytest.raises(redis.TimeoutError):
            behind.set("laboratory", "dropped")
        assert straight.get("laboratory") == b"dropped"
    assert proxy.happened["dropped"] == 1


def test_a_silent_connection_passes_nothing_on(redis_url: str) -> None:
    with clients(redis_url, Faults()) as (behind, straight, proxy):
        straight.set("laboratory", "before")
        proxy.faults.silence = 1.0
        with pytest.raises(redis.TimeoutError):
            behind.set("laboratory", "silenced")
        assert straight.get("laboratory") == b"before"


def test_a_reset_is_told_at_once(redis_url: str) -> None:
    with clients(redis_url, Faults()) as (behind, _straight, proxy):
        proxy.faults.reset = 1.0
        with pytest.raises(redis.ConnectionError):
            behind.set("laboratory", "reset")


def test_a_delay_is_waited_for(redis_url: str) -> None:
    with clients(redis_url, Faults()) as (behind, _straight, proxy):
        proxy.faults.delay_s = 0.1
        started = time.monotonic()
        behind.ping()
        assert time.monotonic() - started >= 0.1
