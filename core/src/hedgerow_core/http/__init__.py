"""The HTTP edge: access decisions, problems, paging. The only room that knows status codes."""

from hedgerow_core.http.access import Access, access_of, authenticated, permitted, public
from hedgerow_core.http.filtering import Filterable, FilterField
from hedgerow_core.http.paging import Limit, NextPage, PageModel, SortOrder
from hedgerow_core.http.pipeline import Caller, ContextRouter, Gate, PipelineRoute
from hedgerow_core.http.problems import problem_response

__all__ = [
    "Access",
    "Caller",
    "ContextRouter",
    "FilterField",
    "Filterable",
    "Gate",
    "Limit",
    "NextPage",
    "PageModel",
    "PipelineRoute",
    "SortOrder",
    "access_of",
    "authenticated",
    "permitted",
    "problem_response",
    "public",
]
