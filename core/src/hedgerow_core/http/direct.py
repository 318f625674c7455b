"""Answers requests as FastAPI would, with everything resolved at start that FastAPI resolves for each request.

The declaration stays FastAPI's, and so do the document, the parameters, the bodies and the errors. What is left out
is what routes of ours don't have: two stacks of contexts to be left, a look-up of what each parameter is. A route
that has something unusual (a form, a stream, a generator, a sync function) is left to FastAPI as a whole.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from email.message import Message
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any, TypeVar, get_type_hints

from fastapi import HTTPException, Request, Response, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args, request_params_to_args
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import TypeAdapter
from pydantic_core import PydanticUndefined

Answer = Callable[[Request], Awaitable[Response]]

_JSON = b"application/json"
_SHAPE = frozenset(
    {"type", "format", "items", "prefixItems", "properties", "additionalProperties", "anyOf", "enum"}
)
"""Of a schema: what is written. The rest is said to people, or asked of what is read."""
_UNUSUAL = (
    "websocket_param_name",
    "http_connection_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "concurrency",
)


Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
_AS_IT_IS = "__hedgerow_as_it_is__"


def as_it_is(endpoint: Endpoint) -> Endpoint:
    """Have what the endpoint returns written as it is, and not read by its response model first.

    For views that have exactly the fields of the model, as our own code has made them: reading a hundred of them
    takes as long as everything else. `unlike_its_model` says whether that is so.
    """
    setattr(endpoint, _AS_IT_IS, True)
    return endpoint


def unlike_its_model(route: APIRoute) -> str | None:
    """What is different between what the endpoint of a route returns and its response model; None if nothing is.

    Only asked of routes that write their answers `as_it_is`.
    """
    if route.response_field is None or not getattr(route.endpoint, _AS_IT_IS, False):
        return None
    model = TypeAdapter(route.response_model).json_schema(mode="serialization")
    view = _writer(get_type_hints(route.endpoint)["return"]).json_schema(mode="serialization")
    said, shown = _plain(model, model), _plain(view, view)
    return None if said == shown else f"the model says {said}, the view {shown}"


@cache
def _writer(kind: Any) -> TypeAdapter[Any]:
    """Made when it is first needed: it takes some milliseconds."""
    return TypeAdapter(kind)


def _plain(schema: Any, whole: Mapping[str, Any]) -> Any:
    """What a schema says of the shape, references resolved."""
    if isinstance(schema, list):
        return [_plain(each, whole) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    return {
        name: {each: _plain(of, whole) for each, of in value.items()}
        if name == "properties"
        else _plain(value, whole)
        for name, value in schema.items()
        if name in _SHAPE
    }


def direct_answer(route: APIRoute) -> Answer | None:
    """The handler of a route, without its stages; None if the route is better left to FastAPI."""
    field, dependant = route.response_field, route.dependant
    call = dependant.call
    if field is None or call is None or not _is_usual(route):
        return None
    arguments = _Arguments(dependant)
    written_as_it_is = getattr(route.endpoint, _AS_IT_IS, False)
    returned = get_type_hints(route.endpoint).get("return") if written_as_it_is else None
    takes_body, status = route.body_field is not None, route.status_code or HTTPStatus.OK

    async def answer(request: Request) -> Response:
        body = await _body_of(request) if takes_body else PydanticUndefined
        errors: list[Any] = []
        aside = _Aside()
        values = await arguments.of(request, aside, body, errors)
        if errors:
            raise RequestValidationError(errors, body=None if body is PydanticUndefined else body)
        answered = await call(**values)
        if isinstance(answered, Response):
            return answered
        if returned is not None:
            content = _writer(returned).dump_json(answered)
        else:
            read, wrong = field.validate(answered, {}, loc=("response",))
            if wrong:
                raise ResponseValidationError(errors=wrong, body=answered)
            content = field.serialize_json(read)
        return _Written(content, aside.status_code or status, aside.raw_headers)

    return answer


class _Aside(Response):
    """What the endpoint says beside its answer: a status, header fields."""

    def __init__(self) -> None:
        self.status_code = 0
        self.raw_headers = []
        self.background = None


class _Written(Response):
    """An answer in JSON, with what was said beside it. Starlette's own would look up what is known here."""

    def __init__(self, content: bytes, status: int, more: list[tuple[bytes, bytes]]) -> None:
        self.status_code, self.body, self.background = status, content, None
        self.raw_headers = [(b"content-length", b"%d" % len(content)), (b"content-type", _JSON), *more]
        if not is_body_allowed_for_status_code(status):  # an endpoint may say 204 beside a model
            self.body, self.raw_headers = b"", more


class _Arguments:
    """What a function is to be called with."""

    def __init__(self, dependant: Dependant) -> None:
        self._dependencies = [
            (each.name, each.call, _Arguments(each)) for each in dependant.dependencies if each.call is not None
        ]
        self._path, self._query = dependant.path_params, dependant.query_params
        self._header, self._cookie = dependant.header_params, dependant.cookie_params
        self._body = dependant.body_params
        self._request, self._response = dependant.request_param_name, dependant.response_param_name

    async def of(self, request: Request, aside: Response, body: Any, errors: list[Any]) -> dict[str, Any]:
        """The arguments for this request; what is wrong with it is added to `errors`."""
        values: dict[str, Any] = {}
        for name, call, arguments in self._dependencies:
            known = len(errors)
            given = await arguments.of(request, aside, body, errors)
            if len(errors) == known:
                solved = await call(**given)
                if name is not None:
                    values[name] = solved
        if self._path:
            _add(values, errors, request_params_to_args(self._path, request.path_params))
        if self._query:
            _add(values, errors, request_params_to_args(self._query, request.query_params))
        if self._header:
            _add(values, errors, request_params_to_args(self._header, request.headers))
        if self._cookie:
            _add(values, errors, request_params_to_args(self._cookie, request.cookies))
        if self._body:
            found = await request_body_to_args(self._body, received_body=body, embed_body_fields=False)
            _add(values, errors, found)
        if self._request is not None:
            values[self._request] = request
        if self._response is not None:
            values[self._response] = aside
        return values


def _add(values: dict[str, Any], errors: list[Any], found: tuple[dict[str, Any], list[Any]]) -> None:
    values.update(found[0])
    errors.extend(found[1])


async def _body_of(request: Request) -> Any:
    """The body: read as JSON if it says that it is, else as it came."""
    raw = await request.body()
    if not raw:
        return PydanticUndefined
    kind = request.headers.get("content-type")
    if kind is None or not _is_json(kind):
        return raw
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        finding = {
            "type": "json_invalid",
            "loc": ("body", error.pos),
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.msg},
        }
        raise RequestValidationError([finding], body=error.doc) from error
    except HTTPException:
        raise
    except Exception as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "There was an error parsing the body") from error


@lru_cache(maxsize=64)
def _is_json(kind: str) -> bool:
    message = Message()
    message["content-type"] = kind
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))


def _is_usual(route: APIRoute) -> bool:
    form = route.body_field is not None and isinstance(route.body_field.field_info, params.Form)
    shaped = (
        route.response_model_include,
        route.response_model_exclude,
        route.response_model_exclude_unset,
        route.response_model_exclude_defaults,
        route.response_model_exclude_none,
        route.stream_item_field,
        route.is_json_stream,
        route._embed_body_fields,
    )
    calls = _calls_of(route.dependant)
    return (
        not form
        and not any(shaped)
        and route.response_model_by_alias
        and isinstance(route.response_class, DefaultPlaceholder)
        and is_body_allowed_for_status_code(route.status_code)
        and len(set(calls)) == len(calls)  # FastAPI would call twice what is named twice, or not
        and _all_usual(route.dependant)
    )


def _all_usual(dependant: Dependant) -> bool:
    return (
        inspect.iscoroutinefunction(dependant.call)
        and not any(getattr(dependant, name) for name in _UNUSUAL)
        and all(map(_all_usual, dependant.dependencies))
    )


def _calls_of(dependant: Dependant) -> list[Callable[..., Any] | None]:
    return [dependant.call, *(call for each in dependant.dependencies for call in _calls_of(each))]
