"""Charges and gives back through Stripe. A silence is never taken for an answer (ADR 0022).

Nothing is repeated here: the ledger does that, and it knows what may be. While Stripe keeps failing it is left
alone, so that no worker waits for it that could do something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from datetime import timedelta
from typing import TypeVar, final

import httpx
import stripe

from hedgerow_billing.application.gateway import (
    Answer,
    ChargeRequest,
    Declined,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Moved,
    RefundRequest,
)
from hedgerow_billing.domain.money import Money
from hedgerow_core.outbound import Calls, CircuitOpen

KEY = "hedgerow_key"
"""The member of `metadata` that holds our key. Never rename it: what was charged is found by it."""

_FOUND_AT_MOST = 100
"""Charges under one key. There is one; two only if one was given up for dead and made anew after a day."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_TO_BE_TOLD = {"fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "stolen_card"}
"""Stripe's word for these cases is for us alone; whoever holds the card hears of a `generic_decline`."""
_ANSWERS = (stripe.CardError, stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError)
"""Refusals: whoever says so is there."""
_FINAL_FIRST = ("succeeded", "processing", "requires_capture", "requires_action", "requires_confirmation")

# Stripe counts these otherwise than ISO 4217 does (docs.stripe.com/currencies, special cases): króna and shilling
# with two decimals that must be 00, the ariary with none.
_IN_HUNDREDTHS = {"ISK", "UGX"}
_WHOLE = {"MGA"}
_THREE_DIGITS = 3
"""Of such currencies Stripe takes tens only."""

T = TypeVar("T")


@final
class StripeGateway:
    """The port `PaymentGateway`. A charge's reference is the id of its PaymentIntent (`pi_…`).

    `method` is how charges are paid that name none: `pm_…`, or `cus_…/pm_…` if it belongs to a customer at Stripe.
    """

    def __init__(self, *, api_key: str, api_base: str, timeout: timedelta, method: str | None = None) -> None:
        self._timeout_s = timeout.total_seconds()
        self._method = method
        self._calls = Calls("stripe", answers=(*_ANSWERS, stripe.IdempotencyError), tries=1)
        patience = httpx.Timeout(self._timeout_s, connect=self._timeout_s / 2, pool=self._timeout_s / 2)
        self._http = stripe.HTTPXClient(timeout=patience)
        client = stripe.StripeClient(
            api_key, base_addresses={"api": api_base}, http_client=self._http, max_network_retries=0
        )
        self._intents, self._refunds = client.v1.payment_intents, client.v1.refunds

    async def charge(self, request: ChargeRequest) -> Answer:
        """Create and confirm a PaymentIntent, in one request: nobody is there who could be asked anything."""
        method = request.method or self._method
        if method is None:
            raise GatewayUnavailableError(
                "nobody has said how to pay. Set BILLING_STRIPE_PAYMENT_METHOD, or have the charge name a method"
            )
        amount = _amount_of(request.amount)
        if amount is None:
            return Declined(reason="amount_not_chargeable")
        customer, _, name = method.rpartition("/")
        params: stripe.params.PaymentIntentCreateParams = {
            "amount": amount,
            "currency": request.amount.currency.code.lower(),
            "payment_method": name,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "off_session": True,
            "metadata": {KEY: request.idempotency_key},
        }
        if customer:
            params["customer"] = customer
        try:
            intent = await self._asked(
                self._intents.create_async(params, {"idempotency_key": request.idempotency_key})
            )
        except (stripe.CardError, stripe.InvalidRequestError) as refused:
            return _refusal(refused)
        return await self._outcome_of(intent)

    async def find_charge(self, request: ChargeRequest) -> Answer | None:
        """Search by our key, then read what was found: the index may be behind, a read is not.

        What waits for somebody who is not there is withdrawn, so that no money moves after the answer.
        """
        query = f"metadata['{KEY}']:'{request.idempotency_key}'"
        try:
            found = await self._asked(self._intents.search_async({"query": query, "limit": _FOUND_AT_MOST}))
            intents = [await self._asked(self._intents.retrieve_async(intent.id)) for intent in found.data]
        except (stripe.CardError, stripe.InvalidRequestError) as refused:
            raise GatewayUnavailableError(f"Stripe does not let us search: {_reason_of(refused)}") from refused
        if not intents:
            return None
        return await self._outcome_of(_most_final(intents))

    async def refund(self, request: RefundRequest) -> Answer:
        """Create a Refund of the PaymentIntent."""
        amount = _amount_of(request.amount)
        if amount is None:
            return Declined(reason="amount_not_chargeable")
        params: stripe.params.RefundCreateParams = {
            "payment_intent": request.charge,
            "amount": amount,
            "metadata": {KEY: request.idempotency_key},
        }
        try:
            refund = await self._asked(
                self._refunds.create_async(params, {"idempotency_key": request.idempotency_key})
            )
        except (stripe.CardError, stripe.InvalidRequestError) as refused:
            return _refusal(refused)
        return _outcome_of_refund(refund)

    async def find_refund(self, request: RefundRequest) -> Answer | None:
        """Look through the refunds of the charge. There is no search for refunds, and none is needed."""
        try:
            found = await self._asked(self._find_refund(request))
        except (stripe.CardError, stripe.InvalidRequestError) as refused:
            raise GatewayUnavailableError(f"Stripe does not list refunds: {_reason_of(refused)}") from refused
        return None if found is None else _outcome_of_refund(found)

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _find_refund(self, request: RefundRequest) -> stripe.Refund | None:
        refunds = await self._refunds.list_async({"payment_intent": request.charge, "limit": _FOUND_AT_MOST})
        async for refund in refunds.auto_paging_iter():
            if getattr(refund.metadata, KEY, None) == request.idempotency_key:
                return refund
        return None

    async def _outcome_of(self, intent: stripe.PaymentIntent) -> Answer:
        """What a PaymentIntent says. Money can move later only while it is `processing`: that is no answer yet."""
        match intent.status:
            case "succeeded":
                return Moved(reference=intent.id)
            case "processing":
                raise GatewayTimeoutError(f"Stripe has not decided on {intent.id}")
            case "requires_payment_method" | "canceled":
                return Declined(reason=_reason_in(intent))
            case _:
                return await self._withdraw(intent)

    async def _withdraw(self, intent: stripe.PaymentIntent) -> Answer:
        """Cancel what waits for its customer's bank page, or for a step that we never take."""
        try:
            await self._asked(self._intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"}))
        except (stripe.CardError, stripe.InvalidRequestError) as refused:
            raise GatewayTimeoutError(f"{intent.id} was decided a moment ago; ask again") from refused
        needs_action = intent.status == "requires_action"
        return Declined(reason="authentication_required" if needs_action else intent.status)

    async def _asked(self, question: Awaitable[T]) -> T:
        """Wait for the answer, and say what it means when there is none. An awaitable is good for one try.

        Raises:
            CardError, InvalidRequestError: Stripe refuses; nothing was moved.
            GatewayTimeoutError, GatewayUnavailableError: as the port says.
        """
        try:
            return await self._calls.make(lambda: self._waited_for(question))
        except CircuitOpen as left_alone:
            if isinstance(question, Coroutine):
                question.close()  # never begun
            raise GatewayUnavailableError(str(left_alone)) from None
        except TimeoutError:
            raise GatewayTimeoutError(f"Stripe did not answer within {self._timeout_s:g} s") from None
        except (stripe.CardError, stripe.InvalidRequestError):
            raise
        except stripe.APIConnectionError as error:
            if isinstance(error.__cause__, _NEVER_SENT):
                raise GatewayUnavailableError(f"Stripe was not reached: {_kind_of(error)}") from error
            raise GatewayTimeoutError(f"the connection to Stripe broke: {_kind_of(error)}") from error
        except stripe.RateLimitError as error:
            raise GatewayUnavailableError("Stripe says that we ask too often (429)") from error
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            # Its own message shows parts of the key.
            raise GatewayUnavailableError(
                f"Stripe does not accept our key ({error.http_status}). Check BILLING_STRIPE_API_KEY: is it whole, "
                "not expired, and allowed to write PaymentIntents and Refunds?"
            ) from None
        except stripe.StripeError as error:
            # 5xx, 503 included: Stripe doesn't say whether it happened before or after the charge. 409 is a request
            # under the same key that still runs, `idempotency_error` one whose other members differ.
            raise GatewayTimeoutError(
                f"Stripe left open what it did: {error.http_status} {_kind_of(error)}"
            ) from error

    async def _waited_for(self, question: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await question


def _amount_of(money: Money) -> int | None:
    """The amount as Stripe counts it; None if it can't say so much."""
    code, amount = money.currency.code, money.amount
    if code in _IN_HUNDREDTHS:
        return amount * 100
    if code in _WHOLE:
        return None if amount % 100 else amount // 100
    if money.currency.minor_digits == _THREE_DIGITS and amount % 10:
        return None
    return amount


def _most_final(intents: Sequence[stripe.PaymentIntent]) -> stripe.PaymentIntent:
    """Of several, the one by which money has moved, or may still move."""
    ranks = {status: rank for rank, status in enumerate(_FINAL_FIRST)}
    return min(intents, key=lambda intent: ranks.get(intent.status, len(ranks)))


def _refusal(refused: stripe.CardError | stripe.InvalidRequestError) -> Declined:
    """What Stripe refuses for good. A request that it can't even read is our fault, and no customer's."""
    is_unread = refused.code is None or refused.code.startswith("parameter_")
    if is_unread and isinstance(refused, stripe.InvalidRequestError):
        raise GatewayUnavailableError(f"Stripe finds our request wrong: {refused.user_message}") from refused
    return Declined(reason=_reason_of(refused))


def _reason_of(refused: stripe.CardError | stripe.InvalidRequestError) -> str:
    return _told(getattr(refused.error, "decline_code", None) or refused.code or "refused")


def _reason_in(intent: stripe.PaymentIntent) -> str:
    error = intent.last_payment_error
    if error is None:
        return intent.status
    return _told(getattr(error, "decline_code", None) or getattr(error, "code", None) or intent.status)


def _told(reason: str) -> str:
    return "generic_decline" if reason in _NOT_TO_BE_TOLD else reason


def _outcome_of_refund(refund: stripe.Refund) -> Answer:
    match refund.status:
        case "succeeded":
            return Moved(reference=refund.id)
        case "failed" | "canceled":
            return Declined(reason=getattr(refund, "failure_reason", None) or refund.status)
        case _:
            raise GatewayTimeoutError(f"Stripe has not decided on {refund.id}")


def _kind_of(error: stripe.StripeError) -> str:
    return type(error.__cause__ or error).__name__
