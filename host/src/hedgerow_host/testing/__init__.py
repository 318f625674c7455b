"""For tests of a context inside a host: `host_app` runs one in the test's process, `scenario` tells it a story.

Installing `hedgerow-host[testing]` registers the pytest plugin, `hedgerow_host.pytest_plugin`. What needs no host
(servers, databases, clock, issuer) is in `hedgerow_core.testing`.
"""

from hedgerow_host.testing.callers import Person
from hedgerow_host.testing.choosing import Mode
from hedgerow_host.testing.hosting import HostApp, HostAppFactory
from hedgerow_host.testing.scenario import Published, Scenario

__all__ = ["HostApp", "HostAppFactory", "Mode", "Person", "Published", "Scenario"]
