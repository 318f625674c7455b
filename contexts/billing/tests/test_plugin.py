"""What the plugin says is what it declares."""

from __future__ import annotations

import re

import pluggy

from hedgerow_billing import plugin
from hedgerow_billing.container import BillingContainer
from hedgerow_core.messaging import consumers_of
from hedgerow_core.plugin import PROJECT, HookSpecs


def test_the_docstring_lists_what_is_declared(container: BillingContainer) -> None:
    declared, met = plugin.handlers(container), plugin.subscriptions()
    messages = {handler.message.__name__ for handler in declared.commands}
    messages |= {handler.message.__name__ for handler in declared.queries}
    events = {f"{contract.event_type} v{contract.event_version}" for contract in met.publishes}
    wanted = {f"{subscription.event} v{subscription.version}" for subscription in met.subscribes}
    tasks = {handler.task.name for handler in declared.tasks}

    handles, consumes, publishes = re.split(r"Consumes:|Publishes:", plugin.__doc__ or "")
    assert set(re.findall(r"\b[A-Z]\w+(?=[, ])", handles.partition("Handles:")[2])) == messages
    assert set(re.findall(r"billing\.\w+", handles)) == tasks
    assert set(re.findall(r"\w+\.\w+ v\d+", consumes)) == wanted
    assert set(re.findall(r"\w+\.\w+ v\d+", publishes)) == events


def test_every_hook_is_one_the_host_knows() -> None:
    hooks = pluggy.PluginManager(PROJECT)
    hooks.add_hookspecs(HookSpecs)
    hooks.register(plugin)
    hooks.check_pending()
    assert hooks.hook.manifest()[0].name == "billing"


def test_every_consumer_has_a_name_of_its_own(container: BillingContainer) -> None:
    names = consumers_of(plugin.subscriptions().subscribes, plugin.handlers(container).tasks)
    assert set(names) == {
        "billing.copy_registered_user",
        "billing.copy_updated_user",
        "billing.note_deactivated_user",
        "billing.note_reactivated_user",
        "billing.forget_deleted_user",
        "billing.charge_payment",
        "billing.look_at_payment",
        "billing.look_at_refund",
        "billing.reconcile_payment",
        "billing.refund_payment",
        "billing.reconcile_refund",
        "billing.void_unpaid_invoices",
        "billing.mark_overdue",
        "billing.collect_payments",
        "billing.fail_on_purpose",
    }


def test_what_asks_the_gateway_is_not_given_up_within_a_day(container: BillingContainer) -> None:
    retries = {task.task.name: task.retry for task in plugin.handlers(container).tasks}

    for kind in ("payment", "refund"):
        for asks in ("reconcile", "look_at"):
            assert retries[f"billing.{asks}_{kind}"] is plugin.UNTIL_ANSWERED
    assert retries["billing.charge_payment"] is retries["billing.refund_payment"] is plugin.UNTIL_ANSWERED
