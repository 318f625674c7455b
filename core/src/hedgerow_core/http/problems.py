"""Every error leaves as problem+json (RFC 9457) with a stable `code`; nothing internal leaves at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    DomainError,
    NotFoundError,
    PreconditionError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from hedgerow_core.domain.errors import RetryableError
from hedgerow_core.http.request_identity import trace_id_of
from hedgerow_core.security import ACCESS_TOKEN_REFUSED

MEDIA_TYPE = "application/problem+json"

STATUS_OF: Mapping[type[DomainError], HTTPStatus] = {
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    AuthorizationError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    PreconditionError: HTTPStatus.PRECONDITION_FAILED,
    ValidationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RateLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    DomainError: HTTPStatus.BAD_REQUEST,
}
"""Which status a broken rule becomes; a derived error takes its nearest ancestor's."""


def status_of(error: type[DomainError]) -> HTTPStatus:
    """The status that an error of this class leaves with."""
    return next(STATUS_OF[kind] for kind in error.__mro__ if kind in STATUS_OF)


_CODE_OF_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    421: "context_elsewhere",
}

_LENGTHS = {"too_short": ("least", "min_length"), "too_long": ("most", "max_length")}
_SAY_THAT_IT_IS_JSON = "The body was not read as JSON. Send it with the header `Content-Type: application/json`."


class ProblemModel(BaseModel):
    """What every error looks like, for the OpenAPI document (RFC 9457 §3)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    trace_id: str
    errors: list[dict[str, object]] = []


ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem", "content": {MEDIA_TYPE: {"schema": ProblemModel.model_json_schema()}}}
}
"""The `responses` of every route: whatever goes wrong, this is how it looks."""


def problem_response(
    trace_id: str,
    *,
    status: int,
    code: str,
    detail: str,
    errors: Sequence[Mapping[str, object]] = (),
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> Response:
    """An answer of media type application/problem+json; `members` are extension members."""
    body: dict[str, object] = {
        "type": f"urn:hedgerow:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
        "trace_id": trace_id,
    }
    if errors:
        body["errors"] = list(errors)
    return Response(
        to_json(body, serialize_unknown=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


FORESEEN = (DomainError, RequestValidationError, HTTPException)
"""What `problem_of` has an answer to."""


def install_problem_handlers(app: FastAPI) -> None:
    """Make the application answer every error it can foresee with a problem."""
    for kind in FORESEEN:
        app.add_exception_handler(kind, problem_of)


async def problem_of(request: Request, error: Exception) -> Response:
    """The answer to an error that is `FORESEEN`."""
    if isinstance(error, DomainError):
        return await _broken_rule(request, error)
    if isinstance(error, RequestValidationError):
        return await _invalid_request(request, error)
    return await _http_exception(request, error)


async def _broken_rule(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - what Starlette promises and its types don't say
    status = status_of(type(error))
    request.state.problem = error.code
    headers = {}
    if isinstance(error, AuthenticationError):
        headers["WWW-Authenticate"] = _challenge(error)
    if isinstance(error, RetryableError):
        headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    errors = []
    if isinstance(error, ValidationError) and error.field:
        errors.append({"field": error.field, "message": error.message, "code": error.code})
    return problem_response(
        trace_id_of(request.scope),
        status=status,
        code=error.code,
        detail=error.message,
        errors=errors,
        headers=headers,
        **({"details": error.details} if error.details and not errors else {}),
    )


def _challenge(error: AuthenticationError) -> str:
    """RFC 6750 §3: an error attribute only when it is the access token that was refused."""
    if error.code not in ACCESS_TOKEN_REFUSED:
        return 'Bearer realm="hedgerow"'
    return f'Bearer realm="hedgerow", error="invalid_token", error_description="{error.message}"'


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [
        {
            "field": _field_of(finding),
            "in": str(finding["loc"][0]),
            "message": message_of(finding) if _is_of_json(request, finding) else _SAY_THAT_IT_IS_JSON,
            "code": finding["type"],
        }
        for finding in error.errors()
    ]
    return problem_response(
        trace_id_of(request.scope),
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="validation_failed",
        detail="The request is not as this route expects it; see `errors`.",
        errors=found,
    )


def _is_of_json(request: Request, finding: Mapping[str, Any]) -> bool:
    """FastAPI takes a body that is not called JSON for a text, and complains of that."""
    if tuple(finding["loc"]) != ("body",) or finding["type"] == "missing":
        return True
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def message_of(finding: Mapping[str, Any]) -> str:
    """What pydantic says, for people: of a secret it counts `items`, and of JSON it hides why it can't be read."""
    if finding["type"] in _LENGTHS and finding["ctx"].get("field_type") == "Value":
        at, length = _LENGTHS[finding["type"]]
        return f"Should have at {at} {finding['ctx'][length]} characters"
    why = finding.get("ctx", {}).get("error") if finding["type"] == "json_invalid" else None
    if not why:
        return str(finding["msg"])
    at = finding["loc"][-1]
    return f"{finding['msg']}: {why}" + (f" at character {at + 1}" if isinstance(at, int) and at else "")


def _field_of(finding: Mapping[str, Any]) -> str:
    source, *path = finding["loc"]
    if finding["type"] == "json_invalid":
        return str(source)  # the path is an offset into the text
    return ".".join(map(str, path)) or str(source)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = error.headers
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.url.path}."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible here."
        headers = {"Allow": ", ".join(sorted(_methods_at(request)))}
    else:
        detail = str(error.detail)
    return problem_response(
        trace_id_of(request.scope),
        status=error.status_code,
        code=_CODE_OF_STATUS.get(error.status_code, "http_error"),
        detail=detail,
        headers=headers,
    )


def _methods_at(request: Request) -> set[str]:
    """All methods of a path (RFC 9110 §15.5.6). Starlette names those of the first route that it finds there.

    A path that is written out is not also the one with a parameter in its place.
    """
    there = [
        route
        for route in request.app.router.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return {method for route in there if route.path == there[0].path for method in route.methods or ()}
