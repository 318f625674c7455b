"""Use cases: messages, the bus that carries them to their handlers, and the ports they speak through."""

from hedgerow_core.application.audit import DONE, Audited, AuditEntry, Subject
from hedgerow_core.application.bus import Behaviour, Bus, CommandHandler, QueryHandler, Step
from hedgerow_core.application.causation import Cause, caused_by, current_cause, set_cause
from hedgerow_core.application.filters import Filter, Filters, Operator
from hedgerow_core.application.messages import Command, Query, Task
from hedgerow_core.application.page import DEFAULT_LIMIT, MAX_LIMIT, Page
from hedgerow_core.application.questions import Questions
from hedgerow_core.application.rate_limits import Claim, Quota, RateLimiter, Standing, Verdict
from hedgerow_core.application.row_scope import ALL_ROWS, RowScope
from hedgerow_core.application.unit_of_work import TaskQueue, UnitOfWork

__all__ = [
    "ALL_ROWS",
    "DEFAULT_LIMIT",
    "DONE",
    "MAX_LIMIT",
    "AuditEntry",
    "Audited",
    "Behaviour",
    "Bus",
    "Cause",
    "Claim",
    "Command",
    "CommandHandler",
    "Filter",
    "Filters",
    "Operator",
    "Page",
    "Query",
    "QueryHandler",
    "Questions",
    "Quota",
    "RateLimiter",
    "RowScope",
    "Standing",
    "Step",
    "Subject",
    "Task",
    "TaskQueue",
    "UnitOfWork",
    "Verdict",
    "caused_by",
    "current_cause",
    "set_cause",
]
