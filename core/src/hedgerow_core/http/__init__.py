"""The HTTP edge: access decisions, problems, paging. The only room that knows status codes."""

from hedgerow_core.http.access import Access, access_of, authenticated, logged_in, permitted, public
from hedgerow_core.http.direct import as_it_is, unlike_its_model
from hedgerow_core.http.etags import IfMatch, tagged
from hedgerow_core.http.filtering import Filterable, FilterField
from hedgerow_core.http.idempotency import idempotent
from hedgerow_core.http.models import HttpModel
from hedgerow_core.http.origins import CookieMode, OriginCheck
from hedgerow_core.http.paging import Limit, NextPage, PageModel, SortOrder
from hedgerow_core.http.pipeline import Caller, ContextRouter, Gate, PipelineRoute, Rows
from hedgerow_core.http.problems import problem_response
from hedgerow_core.http.signed_requests import only_header, raw_body_of
from hedgerow_core.http.throttling import Throttle, throttled

__all__ = [
    "Access",
    "Caller",
    "ContextRouter",
    "CookieMode",
    "FilterField",
    "Filterable",
    "Gate",
    "HttpModel",
    "IfMatch",
    "Limit",
    "NextPage",
    "OriginCheck",
    "PageModel",
    "PipelineRoute",
    "Rows",
    "SortOrder",
    "Throttle",
    "access_of",
    "as_it_is",
    "authenticated",
    "idempotent",
    "logged_in",
    "only_header",
    "permitted",
    "problem_response",
    "public",
    "raw_body_of",
    "tagged",
    "throttled",
    "unlike_its_model",
]
