"""The real `hedgerow` command, after what the environment asks of the laboratory.

`LAB_CRASH_POINT=name[:nth]` ends the process there, `LAB_STOP_POINT=name[:nth]` freezes it there, `LAB_TRACE=file`
writes down the points that are passed, `LAB_DIES_BEFORE=n` kills the process before its nth statement,
`LAB_MUTANT=name` breaks the product. `LAB_LEASE_S` makes leases shorter, `LAB_PATIENCE_S` the front door's
deadlines, `LAB_TAKES_S` every request, `LAB_KEYS_HOLD_S` the time for which a gateway's keys are trusted.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from hedgerow_core.messaging import cursors, drain, partitions, relay, remote_relay
from hedgerow_host import cli
from tests.faults.laboratory import crash_points
from tests.faults.laboratory.gateway_mutants import GATEWAY_MUTANTS
from tests.faults.laboratory.identity_mutants import IDENTITY_MUTANTS, patience_of
from tests.faults.laboratory.migration_mutants import MIGRATION_MUTANTS
from tests.faults.laboratory.money_mutants import MONEY_MUTANTS
from tests.faults.laboratory.move_mutants import MOVE_MUTANTS
from tests.faults.laboratory.mutants import MUTANTS
from tests.faults.laboratory.overload_mutants import OVERLOAD_MUTANTS, take_for
from tests.faults.laboratory.placement_mutants import PLACEMENT_MUTANTS
from tests.faults.laboratory.statements import die_before
from tests.faults.laboratory.webhook_mutants import WEBHOOK_MUTANTS

CRASH_POINT, STOP_POINT, TRACE = "LAB_CRASH_POINT", "LAB_STOP_POINT", "LAB_TRACE"
MUTANT, LEASE_S, PATIENCE_S = "LAB_MUTANT", "LAB_LEASE_S", "LAB_PATIENCE_S"
KEYS_HOLD_S, DIES_BEFORE, TAKES_S = "LAB_KEYS_HOLD_S", "LAB_DIES_BEFORE", "LAB_TAKES_S"


def apply(environment: dict[str, str]) -> None:
    """Change this process as the environment asks."""
    if mutant := environment.get(MUTANT):
        all_mutants = (
            MUTANTS
            | IDENTITY_MUTANTS
            | GATEWAY_MUTANTS
            | MONEY_MUTANTS
            | MIGRATION_MUTANTS
            | MOVE_MUTANTS
            | PLACEMENT_MUTANTS
            | WEBHOOK_MUTANTS
            | OVERLOAD_MUTANTS
        )
        all_mutants[mutant]()
    if lease := environment.get(LEASE_S):
        _shorten_leases(float(lease))
    if patience := environment.get(PATIENCE_S):
        patience_of(float(patience))
    if takes := environment.get(TAKES_S):
        take_for(float(takes))
    if keys_hold := environment.get(KEYS_HOLD_S):
        _trust_keys_for(float(keys_hold))
    if nth := environment.get(DIES_BEFORE):
        die_before(int(nth))
    if file := environment.get(TRACE):
        crash_points.trace(Path(file))
    if point := environment.get(CRASH_POINT):
        crash_points.at_nth(point, crash_points.crash)
    if point := environment.get(STOP_POINT):
        crash_points.at_nth(point, crash_points.stop)


def _shorten_leases(seconds: float) -> None:
    """Leases of seconds make an experiment with many deaths long; their proportions stay."""
    partitions.LEASE = drain.LEASE = timedelta(seconds=seconds)  # type: ignore[misc]
    cursors.LEASE = timedelta(seconds=seconds)  # type: ignore[misc]
    relay.RENEW_AFTER_S = remote_relay.RENEW_AFTER_S = seconds / 3
    relay.LOOK_AGAIN_S = remote_relay.LOOK_AGAIN_S = seconds / 10


def _trust_keys_for(seconds: float) -> None:
    """A day of the gateway's may last seconds; half a day of ours must then, too."""
    from hedgerow_billing.application.tasks import charge_payment

    assert charge_payment.KEYS_HOLD
    charge_payment.KEYS_HOLD = timedelta(seconds=seconds)


def main() -> None:
    """What `hedgerow` does, in a process that is changed so."""
    apply(dict(os.environ))
    cli.main()
