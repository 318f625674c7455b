"""Who may call what: one line for each operation of the OpenAPI document, written by hand.

A new route without a line fails the matrix. The line is a decision, so it is not derived from the route's own mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROLES = ("anonymous", "user", "admin", "super_admin")
"""Lowest first; each may what those before it may."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The lowest role that may call an operation, and whose rows it reaches."""

    lowest: str
    rows: str = "none"
    """Whose rows a path names: `none` if it names none, `all`, or `own` if a foreign row looks like no row."""
    all_rows: str | None = None
    """The lowest role that reaches everybody's rows, where others reach their own."""
    spends: bool = False
    """Whether the caller can't call anything any more afterwards."""
    in_person: bool = False
    """Whether it guards an account, so that no API key opens it."""

    def allows(self, role: str) -> bool:
        """Whether the operation is open to the role."""
        return ROLES.index(role) >= ROLES.index(self.lowest)

    def reaches_all(self, role: str) -> bool:
        """Whether the role reaches everybody's rows."""
        return self.all_rows is not None and ROLES.index(role) >= ROLES.index(self.all_rows)


ANYONE, USER, OPERATOR = Policy("anonymous"), Policy("user"), Policy("super_admin")
OWNER = Policy("user", rows="own")
OWNER_OR_ADMIN = Policy("user", rows="own", all_rows="admin")
SPENT = Policy("user", spends=True, in_person=True)
IN_PERSON, OWNER_IN_PERSON = Policy("user", in_person=True), Policy("user", rows="own", in_person=True)
ADMIN, ADMIN_OF_ALL = Policy("admin"), Policy("admin", rows="all")

POLICIES: Mapping[str, Policy] = {
    "host_list_events": OPERATOR,
    "host_tail_events": OPERATOR,
    "host_show_event": OPERATOR,
    "host_emit_event": OPERATOR,
    "host_list_deliveries": OPERATOR,
    "host_show_deliveries": OPERATOR,
    "host_retry_deliveries": OPERATOR,
    "host_skip_deliveries": OPERATOR,
    "host_discard_deliveries": OPERATOR,
    "host_list_tasks": OPERATOR,
    "host_show_task": OPERATOR,
    "host_retry_tasks": OPERATOR,
    "host_cancel_tasks": OPERATOR,
    "host_list_schedules": OPERATOR,
    "host_run_schedule": OPERATOR,
    "host_list_paused": OPERATOR,
    "host_pause_subscription": OPERATOR,
    "host_resume_subscription": OPERATOR,
    "host_replay_subscription": OPERATOR,
    "host_list_audit": OPERATOR,
    "users_register": ANYONE,
    "users_login": ANYONE,
    "users_login_by_link": ANYONE,
    "users_refresh": ANYONE,
    "users_logout": ANYONE,
    "users_jwks": ANYONE,
    "users_me": USER,
    "users_change_my_password": IN_PERSON,
    "users_list_my_sessions": IN_PERSON,
    "users_end_my_session": OWNER_IN_PERSON,
    "users_log_out_everywhere": SPENT,
    "users_request_verification": ANYONE,
    "users_verify_email": ANYONE,
    "users_forgot_password": ANYONE,
    "users_set_new_password": ANYONE,
    "users_change_my_email": IN_PERSON,
    "users_confirm_email": ANYONE,
    "users_update_me": USER,
    "users_delete_me": SPENT,
    "users_my_second_factor": IN_PERSON,
    "users_begin_second_factor": IN_PERSON,
    "users_confirm_second_factor": IN_PERSON,
    "users_renew_recovery_codes": IN_PERSON,
    "users_remove_second_factor": IN_PERSON,
    "users_list_my_identities": IN_PERSON,
    "users_link_my_identity": IN_PERSON,
    "users_unlink_my_identity": OWNER_IN_PERSON,
    "users_receive_webhook": ANYONE,
    "users_list_accounts": ADMIN,
    "users_create_account": ADMIN,
    "users_get_account": ADMIN_OF_ALL,
    "users_update_account": ADMIN_OF_ALL,
    "users_delete_account": ADMIN_OF_ALL,
    "users_deactivate_account": ADMIN_OF_ALL,
    "users_reactivate_account": ADMIN_OF_ALL,
    "users_reset_second_factor": ADMIN_OF_ALL,
    "users_assign_roles": ADMIN_OF_ALL,
    "users_create_my_key": IN_PERSON,
    "users_list_my_keys": IN_PERSON,
    "users_rotate_my_key": OWNER_IN_PERSON,
    "users_revoke_my_key": OWNER_IN_PERSON,
    "users_list_account_keys": ADMIN_OF_ALL,
    "users_revoke_account_key": ADMIN_OF_ALL,
    "billing_create_invoice": USER,
    "billing_list_invoices": USER,
    "billing_get_invoice": OWNER_OR_ADMIN,
    "billing_open_invoice": OWNER,
    "billing_void_invoice": OWNER,
    "billing_request_payment": OWNER,
    "billing_credit_invoice": ADMIN_OF_ALL,
    "billing_request_refund": ADMIN_OF_ALL,
    "billing_write_off_invoice": ADMIN_OF_ALL,
    "billing_export_invoices": USER,
    "billing_show_invoice": OWNER_OR_ADMIN,
    "billing_show_credit_note": OWNER_OR_ADMIN,
    "billing_my_statement": USER,
    "billing_my_balance": USER,
    "billing_statement_of_customer": ADMIN,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    path: str

    def path_to(self, row: str) -> str:
        """The path to the row of this id. A row inside of another one is `outer/inner`."""
        outer, _, inner = row.partition("/")
        return re.sub(r"{[^}]+}", inner or outer, re.sub(r"{[^}]+}", outer, self.path, count=1))


def operations_of(document: Mapping[str, Any]) -> dict[str, Operation]:
    """Every operation of an OpenAPI document that belongs to a context or the host, by its id."""
    return {
        operation["operationId"]: Operation(operation["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(("/v1/", "/.well-known/"))
    }


def disagreements(document: Mapping[str, Any], policies: Mapping[str, Policy]) -> list[str]:
    """What the document and the table don't both know."""
    known = operations_of(document).keys()
    return [f"{name}: no policy" for name in sorted(known - policies.keys())] + [
        f"{name}: no such operation" for name in sorted(policies.keys() - known)
    ]
