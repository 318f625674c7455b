"""Published queries (ADR 0023): what contexts ask each other, by name, and never by import.

Read in this order: contracts (what is declared) → asking → transport → answering → replies (what travels back). To
another host: envelope (how a question travels) → remote.
"""

from hedgerow_core.questions.answering import Answering
from hedgerow_core.questions.asking import Desk
from hedgerow_core.questions.contracts import AnswerContract, PublishedQuery, QueryContract, Question
from hedgerow_core.questions.remote import RemoteAnswering
from hedgerow_core.questions.transport import AskedQuery, Transport

__all__ = [
    "AnswerContract",
    "Answering",
    "AskedQuery",
    "Desk",
    "PublishedQuery",
    "QueryContract",
    "Question",
    "RemoteAnswering",
    "Transport",
]
