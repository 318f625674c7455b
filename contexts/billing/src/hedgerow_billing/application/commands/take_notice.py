"""Take a notice of the gateway: remember to look at what it is about. What it says of it is not believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hedgerow_billing.application.gateway import PAYMENT_KEY, REFUND_KEY
from hedgerow_billing.application.notices import Notice
from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.tasks.look_at_payment import LookAtPayment, LookAtRefund
from hedgerow_core.application import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeNotice(Command[None]):
    """Take a notice that was found genuine."""

    notice: Notice


class TakeNoticeHandler:
    """The task's key is the notice's id: a repeated notice is dropped, also while the first is being taken."""

    def __init__(self, *, look_after: timedelta) -> None:
        self._look_after = look_after

    async def __call__(self, command: TakeNotice, work: BillingWork) -> None:
        """Record the task. Its delay leaves time for the answer that is under way beside the notice."""
        notice = command.notice
        payment_id, refund_id = notice.about(PAYMENT_KEY), notice.about(REFUND_KEY)
        if payment_id is not None:
            await work.tasks.enqueue(LookAtPayment(payment_id=payment_id), delay=self._look_after, key=notice.id)
        elif refund_id is not None:
            await work.tasks.enqueue(LookAtRefund(refund_id=refund_id), delay=self._look_after, key=notice.id)
