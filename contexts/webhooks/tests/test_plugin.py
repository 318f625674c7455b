"""What the plugin says is what it declares, and it is not hosted unless somebody asks for it."""

from __future__ import annotations

import re

import pluggy
import pytest

from hedgerow_core.plugin import PROJECT, HookSpecs, UnusableSetting
from hedgerow_host.discovery import installed_contexts, wanted_of
from hedgerow_host.testing import HostApp
from hedgerow_webhooks import plugin
from hedgerow_webhooks.interfaces.concerns import concerns
from hedgerow_webhooks.settings import WebhooksSettings

SECRET = "for tests alone, and so it is no secret"


def test_the_docstring_lists_what_is_declared(host: HostApp) -> None:
    declared, met = host.context("webhooks").handlers, plugin.subscriptions()
    named = {handler.message.__name__ for handler in (*declared.commands, *declared.queries)}
    handles, consumes, publishes = re.split(r"Consumes:|Publishes:", plugin.__doc__ or "")

    assert set(re.findall(r"\b[A-Z]\w+(?=[, ])", handles.partition("Handles:")[2])) == named
    assert set(re.findall(r"webhooks\.\w+", handles)) == {task.task.name for task in declared.tasks}
    assert set(re.findall(r"\w+\.\w+ v\d+", consumes)) == {f"{s.event} v{s.version}" for s in met.subscribes}
    assert set(re.findall(r"\w+\.\w+ v\d+", publishes)) == {
        f"{c.event_type} v{c.event_version}" for c in met.publishes
    }


def test_every_hook_is_one_the_host_knows() -> None:
    hooks = pluggy.PluginManager(PROJECT)
    hooks.add_hookspecs(HookSpecs)
    hooks.register(plugin)
    hooks.check_pending()


def test_it_is_hosted_only_where_it_is_named() -> None:
    installed = installed_contexts()
    assert "webhooks" in [one.name for one in installed]
    assert [one.name for one in wanted_of(installed, None)] == ["billing", "users"]
    assert [one.name for one in wanted_of(installed, ["webhooks"])] == ["webhooks"]


def _refused(environment: str, **settings: object) -> list[str]:
    found = plugin._unusable(WebhooksSettings.model_validate(settings), environment)
    return [each.variable for each in found if isinstance(each, UnusableSetting)]


@pytest.mark.parametrize("environment", ["test", "prod"])
def test_outside_of_dev_it_wants_a_secret_and_has_no_door_to_this_machine(environment: str) -> None:
    assert _refused(environment) == ["WEBHOOKS_SECRET"]
    assert _refused(environment, secret=SECRET, local_receivers=True) == ["WEBHOOKS_LOCAL_RECEIVERS"]
    assert _refused(environment, secret=SECRET) == []
    assert _refused("dev", local_receivers=True) == []


def test_what_opens_more_than_it_seems_to_is_a_concern() -> None:
    said = concerns(
        WebhooksSettings.model_validate({"secret": SECRET, "secret_previous": SECRET, "ports": "443,25"})
    )
    assert [each.number for each in said] == ["W501", "W502"]
    assert list(concerns(WebhooksSettings())) == []
