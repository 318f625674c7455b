"""Codes of problems that no error class of their own stands behind: what each means, and what to do.

A code of a context is a class: a `DomainError` whose docstring says the same, with the fix behind `Fix:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemCode:
    """What a code says to whoever meets it."""

    status: str
    """Of HTTP; more than one only where the framework chooses."""
    means: str
    fix: str


PROBLEM_CODES: Mapping[str, ProblemCode] = {
    "bad_request": ProblemCode(
        "400",
        "The framework could not take the request, or this is no HTTP.",
        "Read `detail`.",
    ),
    "host_missing": ProblemCode(
        "400",
        "An HTTP/1.1 request without a `Host` field, or with two of them.",
        "Send one.",
    ),
    "token_revoked": ProblemCode(
        "401",
        "The token was good until its session ended, or its account was shut out.",
        "Log in again.",
    ),
    "invalid_key": ProblemCode(
        "401",
        "The API key is malformed, unknown, revoked or expired, or its owner is gone.",
        "Use another key.",
    ),
    "token_expired": ProblemCode(
        "401",
        "The token was good once.",
        "Get a new one with the refresh token.",
    ),
    "invalid_service_token": ProblemCode(
        "401",
        (
            "A route for other hosts was called by somebody who is none of `HEDGEROW_REMOTES`, or not with a "
            "good token of it."
        ),
        "Operators: let both hosts name each other in `HEDGEROW_REMOTES`.",
    ),
    "scope_missing": ProblemCode(
        "403",
        "The API key was not made for this; `details` names the scope.",
        "Use a key that has it.",
    ),
    "cross_origin": ProblemCode(
        "403",
        "The request came with a cookie, or asked for one, and not from a page of a good origin.",
        (
            "Call from a page of the host's origin or of `HEDGEROW_CORS_ORIGINS` (with credentials), or send "
            "the access token in `Authorization`."
        ),
    ),
    "login_required": ProblemCode(
        "403",
        "The route guards an account, so no API key opens it.",
        "Log in, and send the access token.",
    ),
    "context_not_here": ProblemCode(
        "404",
        "Another host asked for a context that is not hosted here.",
        "Operators of the caller: correct `HEDGEROW_REMOTES__…__URL`.",
    ),
    "no_such_query": ProblemCode(
        "404",
        "Another host asked a query, or a version of it, that its context does not answer.",
        "Deploy builds whose contracts fit.",
    ),
    "method_not_allowed": ProblemCode(
        "405",
        "The path exists, the method doesn't.",
        "Use another method.",
    ),
    "body_too_slow": ProblemCode(
        "408",
        "The body was not here 30 s after the headers.",
        "Send it faster.",
    ),
    "concurrent_change": ProblemCode(
        "409",
        "Somebody else changed the same thing at the same moment.",
        "Read it again and retry.",
    ),
    "body_too_large": ProblemCode(
        "413",
        "The body has more than 1 MiB.",
        "Send less.",
    ),
    "unsupported_media_type": ProblemCode(
        "415",
        "The framework refused the media type.",
        "Send JSON.",
    ),
    "context_elsewhere": ProblemCode(
        "421",
        "The context of this path lives at another host; nothing was done.",
        "Send the request to that host.",
    ),
    "message_unreadable": ProblemCode(
        "422",
        "Over gRPC alone: what came is not the message of this method.",
        "Generate your client from the .proto that is served.",
    ),
    "invalid_idempotency_key": ProblemCode(
        "422",
        "An `Idempotency-Key` has 1 to 256 visible ASCII signs and is sent once.",
        "Make another.",
    ),
    "invalid_filter": ProblemCode(
        "422",
        "A list has no such parameter, or its value can't be read, or there are too many; `errors` names it.",
        "See the list's parameters in the OpenAPI document.",
    ),
    "invalid_cursor": ProblemCode(
        "422",
        "The cursor is not of this list or feed, of another sort order, or points behind what was retired.",
        "Start again without one.",
    ),
    "foreign_subscription": ProblemCode(
        "422",
        "A context has reported the position of a subscription whose name does not begin with its own.",
        "Name subscriptions after their context: `billing.copy_registered_user`.",
    ),
    "feed_elsewhere": ProblemCode(
        "422",
        "A part of a feed was to be replayed, and its publisher lives on another host.",
        "Replay it as a whole: without a filter, `again` and `after`.",
    ),
    "too_many_readers": ProblemCode(
        "429",
        "Sixteen readers of one context wait for the same feed already.",
        "Wait for `Retry-After`; operators of the caller: too many of its workers believe that they lead.",
    ),
    "headers_too_large": ProblemCode(
        "431",
        "More than 100 header fields, or more than 32 KiB of them and the target.",
        "Send less.",
    ),
    "internal_error": ProblemCode(
        "500",
        "Something unforeseen.",
        "Report the `trace_id`.",
    ),
    "database_away": ProblemCode(
        "503",
        "The database can't be reached.",
        "Wait for `Retry-After`; operators: start it.",
    ),
    "database_refused": ProblemCode(
        "503",
        "The database refuses user, password or database name.",
        "Operators: create them, or correct `HEDGEROW_DATABASE_URL`.",
    ),
    "permissions_unknown": ProblemCode(
        "503",
        "A scope may be one of a context on another host, which has not said yet what it permits.",
        "Wait for `Retry-After`; operators: `identity_unheard` in the log.",
    ),
    "context_quarantined": ProblemCode(
        "503",
        "The context behind this path is broken, and the host goes on without it.",
        "Wait for `Retry-After`; operators: `hedgerow contexts diagnose`.",
    ),
    "shutting_down": ProblemCode(
        "503",
        "Over gRPC alone: this process ends, and takes no more calls.",
        "Send it again: another process takes it.",
    ),
    "call_too_slow": ProblemCode(
        "504",
        "Over gRPC alone: a call without a deadline of its own took longer than 60 s.",
        "Try again later, and set a deadline.",
    ),
    "database_busy": ProblemCode(
        "503",
        "No database connection came free within 0.8 s.",
        "Wait for `Retry-After`.",
    ),
    "database_full": ProblemCode(
        "503",
        "The disk of PostgreSQL is full: what is there can be read, and nothing be written.",
        "Wait for `Retry-After`; operators: make room for it, and everything goes on by itself.",
    ),
    "database_read_only": ProblemCode(
        "503",
        "PostgreSQL answers, and changes nothing: it is a standby, or was told so for a while.",
        "Wait for `Retry-After`; operators: after a failover, have `HEDGEROW_DATABASE_URL` lead to the primary; "
        "else `SHOW default_transaction_read_only`.",
    ),
    "overloaded": ProblemCode(
        "503",
        "More requests have come than this process serves at once, and for 0.8 s no place came free.",
        "Wait for `Retry-After`; operators: start more processes, or see what is slow.",
    ),
    "migration_locked": ProblemCode(
        "503",
        "Another host has been migrating for 60 s. Of `hedgerow migrate` and `dev` only, never an answer.",
        "Wait for it, or end its session in PostgreSQL.",
    ),
    "migration_blocked": ProblemCode(
        "503",
        (
            "Somebody has held a lock that a revision needs for 60 s. Of `hedgerow migrate` and `dev` only, "
            "never an answer."
        ),
        "Wait for the session that is named, or end it.",
    ),
    "http_error": ProblemCode(
        "any other",
        "Another error of the framework.",
        "Read `status` and `detail`.",
    ),
}
"""By code, in the order of their statuses. Without a prefix: they belong to the host."""
