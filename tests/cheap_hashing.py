"""What a password costs the hosts that tests start: next to nothing, where no test is about that.

To hash as production does took half a minute of processor time in a run of the suite.
"""

from __future__ import annotations

from collections.abc import Mapping

from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher, HashingCost
from tests.faults.laboratory.sizes import LONG

HASHING = "TESTS_HASHING"
AS_IN_PRODUCTION = {HASHING: "as in production"}
"""For hosts of tests that are about passwords or about load. The long experiments have no others."""
CHEAPLY = AS_IN_PRODUCTION if LONG else {HASHING: "cheaply"}
"""For all others. Benchmarks start theirs without it."""
CHEAP = HashingCost(memory_kib=8, passes=1)


def hash_as_asked(environment: Mapping[str, str]) -> None:
    """Change what passwords cost this process, if its environment asks for that."""
    if environment.get(HASHING) == "cheaply":
        defaults = Argon2Hasher.__init__.__kwdefaults__
        assert "cost" in defaults, "what a hash costs is said in another place now"
        defaults["cost"] = CHEAP
