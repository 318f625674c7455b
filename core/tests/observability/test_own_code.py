"""Whose code a frame is of doesn't depend on how it was installed."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy

from hedgerow_core.observability.own_code import is_ours

INSTALLED = "/opt/venv/lib/python3.13/site-packages"


@pytest.mark.parametrize(
    "file",
    [
        __file__,
        "/srv/shop/contexts/orders/src/orders/plugin.py",
        f"{INSTALLED}/hedgerow_core/messaging/drain.py",
        f"{INSTALLED}/hedgerow_billing/infrastructure/customer_copies.py",
        f"{INSTALLED}/hedgerow_webhooks/plugin.py",
    ],
)
def test_core_and_contexts_are_ours_also_as_wheels(file: str) -> None:
    assert is_ours(file)


@pytest.mark.parametrize(
    "file", [asyncio.__file__, sqlalchemy.__file__, f"{INSTALLED}/asyncpg/connection.py", "<frozen runpy>"]
)
def test_libraries_are_not(file: str) -> None:
    assert not is_ours(file)
