"""What the routes of the admin API work on: the hosted contexts, all of them or the one that a request names."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_core.domain import Clock, ValidationError
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.security import Principal
from hedgerow_host.operations.declared import Contexts
from hedgerow_host.operations.rows import Ledgers


@dataclass(frozen=True, slots=True)
class Hosted:
    """The contexts of this process."""

    contexts: Contexts
    clock: Clock

    def chosen(self, context: str | None) -> Contexts:
        """All contexts, or the one that is named.

        Raises:
            ValidationError: it is not hosted here.
        """
        if context is None:
            return self.contexts
        if context not in self.contexts:
            raise ValidationError(
                f"{context} is not hosted here. Choose one of {', '.join(self.contexts)}.", field="context"
            )
        return {context: self.contexts[context]}

    def ledgers(self, context: str | None = None) -> Ledgers:
        """Their ledgers."""
        return {name: each.database for name, each in self.chosen(context).items()}


def decision_of(caller: Principal, why: str) -> Decision:
    """A change as its caller wants it."""
    return Decision(by=str(caller.subject), why=why)
