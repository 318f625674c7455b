"""Every scrape says anew how the contexts of a process stand."""

from __future__ import annotations

from collections.abc import Callable

from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_host.catalog import compose
from hedgerow_host.problems import Problem
from hedgerow_host.settings import HostSettings
from hedgerow_host.standing import telling_of_contexts


def told(name: str, context: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"context": context})


def test_who_is_out_or_broken_is_told_as_long_as_the_process_runs(install: Callable[..., None]) -> None:
    install("apple", "")
    install("tree", "raise RuntimeError('thorns')")
    assembly, _routes = compose(HostSettings(contexts=("apple", "tree"), optional_contexts=("tree",)))

    with telling_of_contexts(assembly):
        assert [told("hedgerow_quarantined", name) for name in ("apple", "tree")] == [0, 1]
        assert told("hedgerow_broken", "apple") == 0
        assembly.broken["apple"] = [
            Problem(subject="apple", what="its gardener has gone", sources=(), fix="mend it")
        ]
        assert told("hedgerow_broken", "apple") == 1
        assert [told(f"hedgerow_pool_{what}", "apple") for what in ("in_use", "waiting")] == [0, 0]
        assert told("hedgerow_pool_size", "apple") == 10
        assert "engine" not in vars(assembly.contexts[0].database), "to ask connects nowhere"

    assert told("hedgerow_quarantined", "tree") is None
    assert told("hedgerow_pool_size", "apple") is None
