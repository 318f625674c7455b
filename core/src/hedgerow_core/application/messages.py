"""The two kinds of message a context takes. Derive frozen, slotted, keyword-only dataclasses from them."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

Result = TypeVar("Result", covariant=True)


class Command(Generic[Result]):
    """A wish to change something. Runs in one transaction, answers with `Result` once it is committed."""

    __slots__ = ()


class Query(Generic[Result]):
    """A question. Changes nothing, goes past the domain, answers with a read model."""

    __slots__ = ()


class Task:
    """Durable work for later, addressed to the context itself. Survives crashes; may run more than once.

    `name` is its key in the ledger (`billing.charge_payment`): never rename it while one may be waiting.
    """

    __slots__ = ()

    name: ClassVar[str]
