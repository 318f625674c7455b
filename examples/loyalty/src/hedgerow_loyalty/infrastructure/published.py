"""What leaves the context: which domain event becomes which contract, and which query others may ask."""

from __future__ import annotations

from hedgerow_core.messaging import Translations
from hedgerow_core.questions import PublishedQuery
from hedgerow_loyalty.application.queries.get_points import GetPoints
from hedgerow_loyalty.contracts import CustomerPointsV1, PointsEarnedV1, PointsTakenBackV1, PointsV1
from hedgerow_loyalty.domain.events import PointsEarned, PointsTakenBack


def _earned(event: PointsEarned) -> PointsEarnedV1:
    return PointsEarnedV1(
        customer_id=event.customer_id, invoice_id=event.invoice_id, points=event.points, earned_at=event.at
    )


def _taken_back(event: PointsTakenBack) -> PointsTakenBackV1:
    return PointsTakenBackV1(
        customer_id=event.customer_id, invoice_id=event.invoice_id, points=event.points, taken_back_at=event.at
    )


def _ask(asked: CustomerPointsV1) -> GetPoints:
    return GetPoints(customer_id=asked.customer_id)


def _answer(points: int) -> PointsV1:
    return PointsV1(points=points)


TRANSLATIONS: Translations = {PointsEarned: _earned, PointsTakenBack: _taken_back}
ANSWERS = (PublishedQuery(contract=CustomerPointsV1, query=GetPoints, ask=_ask, answer=_answer),)
