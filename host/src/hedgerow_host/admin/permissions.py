"""Who may call the admin API."""

from __future__ import annotations

from hedgerow_core.security import Permission

READ = "host:ledger:read"
STEER = "host:ledger:steer"
AUDIT = "host:audit:read"

PERMISSIONS = (
    Permission(READ, "super_admin", "Look at events, deliveries, tasks and schedules of all contexts"),
    Permission(STEER, "super_admin", "Retry, skip, discard, pause, publish and replay in all contexts"),
    Permission(AUDIT, "super_admin", "Look at who did what to whom, in all contexts"),
)
