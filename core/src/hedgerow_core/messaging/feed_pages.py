"""How a feed travels between hosts: what a reader asks for, and the page that it gets.

A page is two lines. The first says where the page ends; the second is the events, as PostgreSQL wrote them and as
PostgreSQL will read them: nobody in between looks at one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hedgerow_core.messaging.cursors import RESCAN

PAGE = 2_000
"""Events of a page, at most."""
PAGE_BYTES = 4 * 1024 * 1024
"""And their size. An event that is larger comes alone."""
MAX_WAIT_S = 20.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Room for a single event that is larger than a page should be."""
MEDIA_TYPE = "application/x-ndjson"
MAX_ID = 2**63 - 1
"""Behind every event: who begins here, and rescans, wants nothing of what was published so far."""
UNKNOWN_CLUSTER = 0
"""In the place of a system identifier, before the publisher was heard for the first time."""

_MAX_NAMES = 500
_SNAPSHOT = "[0-9]{1,20}:[0-9]{1,20}:[0-9,]*"
_LONGEST = 200_000
"""Of 5,000 transactions that run at the same time."""

Snapshot = Annotated[str, Field(pattern=f"^(?:{_SNAPSHOT})$", max_length=_LONGEST)]
SnapshotOrRescan = Annotated[str, Field(pattern=f"^(?:{_SNAPSHOT}|{RESCAN})$", max_length=_LONGEST)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class FeedMessage(BaseModel):
    """What travels: fields that a newer host has added are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)  # of those alone that ask or are asked


class Position(FeedMessage):
    """What subscriptions have passed for good: it is committed in their own ledger."""

    snapshot: SnapshotOrRescan
    subscriptions: Annotated[tuple[Name, ...], Field(max_length=_MAX_NAMES)]


@final
class PageRequest(FeedMessage):
    """Where a reader is, and what it wants of what comes behind."""

    cluster: Annotated[int, Field(ge=-MAX_ID - 1, le=MAX_ID)] = UNKNOWN_CLUSTER
    """PostgreSQL's system identifier that the place belongs to."""
    snapshot: SnapshotOrRescan
    target: Snapshot | None = None
    """The window's end, while a large one is paged through. None: as far as there is something now."""
    after: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    since: AwareDatetime | None = None
    wanted: Annotated[dict[Name, int], Field(max_length=_MAX_NAMES)]
    """The event types, each with the oldest version that can be read."""
    passed: Annotated[tuple[Position, ...], Field(max_length=_MAX_NAMES)] = ()
    """What is to be reported to the publisher's retention."""
    limit: Annotated[int, Field(ge=1, le=PAGE)] = PAGE
    wait_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 0.0
    """How long the publisher may wait for something to come."""

    def is_of_another(self, cluster: int) -> bool:
        """Whether the place means nothing in this cluster."""
        return self.cluster not in (UNKNOWN_CLUSTER, cluster)


@final
class PageHead(FeedMessage):
    """What the first line of a page says."""

    cluster: int
    """If it is not the reader's, the place means nothing here: there are no events, and the reader starts over."""
    window: Snapshot | None = None
    """The snapshot up to which the page reads."""
    count: int = 0
    last: int = 0
    """Up to which id was looked: that of the last event, or behind it, if what follows is not wanted."""
    more: bool = False
    """The window goes on behind the page."""
    waiting_since: datetime | None = None
    """When the last event occurred, if there is more: about as old is what waits behind it."""
    oldest: int | None = None
    """The oldest id that the publisher still keeps, told with every report; behind them all if it keeps none."""
    expired: tuple[str, ...] = ()
    """Subscriptions that have missed something, because the publisher does not keep it any more."""


@final
@dataclass(frozen=True, slots=True)
class Page:
    """A page, as it was received."""

    head: PageHead
    events: str
    """A JSON array of rows of the outbox."""


class NoPageError(Exception):
    """What was received is no page of a feed."""


def written(head: PageHead, events: bytes = b"[]") -> bytes:
    """The page as it travels."""
    return head.model_dump_json(exclude_defaults=True).encode() + b"\n" + events


def read(body: bytes) -> Page:
    """The page that arrived.

    Raises:
        NoPageError: it is none.
    """
    first, separator, events = body.partition(b"\n")
    try:
        if not separator:
            raise NoPageError("it ends too soon")
        return Page(PageHead.model_validate_json(first), events.decode())
    except (ValidationError, UnicodeDecodeError) as error:
        raise NoPageError("its first line says nothing that is known here") from error
