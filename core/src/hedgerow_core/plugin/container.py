"""What the host gives every context: the parent of the context's own dependency-injector container."""

from __future__ import annotations

from pathlib import Path

from dependency_injector import containers, providers

from hedgerow_core.application import Questions, RateLimiter
from hedgerow_core.application.cache import Cache, Uncached
from hedgerow_core.domain import Clock
from hedgerow_core.http import OriginCheck
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.persistence import Database
from hedgerow_core.questions import Desk
from hedgerow_core.security import PermissionTable


class CoreContainer(containers.DeclarativeContainer):
    """One per context. Declare `core = providers.DependenciesContainer()` in your container to reach it."""

    context: providers.Dependency[str] = providers.Dependency(instance_of=str)
    """The context's name."""
    environment: providers.Dependency[str] = providers.Dependency(instance_of=str)
    """dev, test or prod."""
    data_dir: providers.Dependency[Path] = providers.Dependency(instance_of=Path)
    """A folder for local state; only `dev` may count on finding there what it wrote before."""
    clock: providers.Dependency[Clock] = providers.Dependency()
    """The only source of time."""
    database: providers.Dependency[Database] = providers.Dependency(instance_of=Database)
    """The context's own schema, under the context's own role."""
    limiter: providers.Dependency[RateLimiter] = providers.Dependency(
        default=providers.ThreadSafeSingleton(InProcessLimiter)
    )
    """Counts across the processes of the host; in a test that names none, in the process."""
    cache: providers.Dependency[Cache] = providers.Dependency(default=providers.ThreadSafeSingleton(Uncached))
    """Remembers answers for all processes of the host; in a test that names none, nothing."""
    permissions: providers.Dependency[PermissionTable] = providers.Dependency(
        default=providers.ThreadSafeSingleton(PermissionTable, ())
    )
    """What all contexts of the host declare, and so which scopes there are; in a test that names none, nothing."""
    origins: providers.Dependency[OriginCheck] = providers.Dependency(
        default=providers.ThreadSafeSingleton(OriginCheck)
    )
    """Whose pages may act with a cookie."""
    questions: providers.Dependency[Questions] = providers.Dependency(
        default=providers.ThreadSafeSingleton(Desk, "nobody")
    )
    """Asks other contexts, by name, what the hook `handlers` declares; in a test that names none, nothing."""
