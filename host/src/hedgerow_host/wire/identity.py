"""`/_identity/…`: for whom the contexts of this host vouch, told to the hosts that believe them, too (ADR 0035).

Only remotes of this host are told. An API key or a token comes in a body, never in an address, and is in no log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel
from pydantic import ValidationError as NotAsDeclared
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hedgerow_core.domain import ValidationError
from hedgerow_core.identity import KeyQuestion, NewsQuestion, SigningKeyQuestion, TokenQuestion, Voucher
from hedgerow_core.identity.over_the_wire import PATH
from hedgerow_host.assembly import Assembly
from hedgerow_host.wire.hosted import asked_of

Question = TypeVar("Question", bound=BaseModel)
Answer = Callable[[Request, str], Awaitable[BaseModel | bytes]]


def identity_routes(assembly: Assembly) -> Sequence[Route]:
    """What the remotes of this host may ask of the authenticators of its contexts."""
    vouchers = {
        context.name: Voucher(
            context.name,
            issuers=context.issuers,
            keys=context.key_authorities,
            cookies=context.cookies,
            permissions=context.loaded.manifest.permissions,
            clock=assembly.clock,
        )
        for context in assembly.contexts
    }

    async def voucher_in(request: Request) -> Voucher:
        context, _asker = await asked_of(request, assembly, request.path_params["context"])
        return vouchers[context.name]

    async def describe(request: Request) -> Response:
        return _said((await voucher_in(request)).document())

    async def tell_news(request: Request) -> Response:
        voucher = await voucher_in(request)
        return _said(await voucher.news(await _read(NewsQuestion, request)))

    async def find_signing_key(request: Request) -> Response:
        voucher = await voucher_in(request)
        return _said(await voucher.signing_key(await _read(SigningKeyQuestion, request)))

    async def say_whose_key(request: Request) -> Response:
        voucher = await voucher_in(request)
        return _said(await voucher.whose_key(await _read(KeyQuestion, request)))

    async def say_whose_token(request: Request) -> Response:
        voucher = await voucher_in(request)
        return _said(await voucher.whose_token(await _read(TokenQuestion, request)))

    here = f"{PATH}/{{context}}"
    return [
        Route(here, describe, methods=["GET"], include_in_schema=False),
        Route(f"{here}/news", tell_news, methods=["POST"], include_in_schema=False),
        Route(f"{here}/signing-key", find_signing_key, methods=["POST"], include_in_schema=False),
        Route(f"{here}/key", say_whose_key, methods=["POST"], include_in_schema=False),
        Route(f"{here}/token", say_whose_token, methods=["POST"], include_in_schema=False),
    ]


async def _read(question: type[Question], request: Request) -> Question:
    """The question, which whoever may ask has written as we do; what it is about is not quoted."""
    try:
        return question.model_validate_json(await request.body())
    except NotAsDeclared as error:
        raise ValidationError(
            f"This is no {question.__name__}. The two hosts run versions that don't understand each other."
        ) from error


def _said(answer: BaseModel | bytes) -> Response:
    body = answer if isinstance(answer, bytes) else answer.model_dump_json().encode()
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
