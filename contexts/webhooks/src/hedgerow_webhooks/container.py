"""What is wired to what in webhooks. Override `sender` to send elsewhere, `resolver` to look names up elsewhere."""

from __future__ import annotations

from dependency_injector import containers, providers

from hedgerow_core.outbound.http import authorities
from hedgerow_webhooks.application.commands.change_endpoint import ChangeEndpointHandler
from hedgerow_webhooks.application.commands.delete_endpoint import DeleteEndpointHandler
from hedgerow_webhooks.application.commands.redeliver_failed import RedeliverFailedHandler
from hedgerow_webhooks.application.commands.redeliver_message import RedeliverMessageHandler
from hedgerow_webhooks.application.commands.register_endpoint import RegisterEndpointHandler
from hedgerow_webhooks.application.commands.rotate_secret import RotateSecretHandler
from hedgerow_webhooks.application.lanes import Lanes
from hedgerow_webhooks.application.queries.get_endpoint import GetEndpointHandler
from hedgerow_webhooks.application.queries.get_message import GetMessageHandler
from hedgerow_webhooks.application.queries.list_endpoints import ListEndpointsHandler
from hedgerow_webhooks.application.queries.list_messages import ListMessagesHandler
from hedgerow_webhooks.application.sending import Sender
from hedgerow_webhooks.application.tasks.send_message import SendMessageHandler
from hedgerow_webhooks.application.tasks.tidy_up import TidyUpHandler
from hedgerow_webhooks.infrastructure.guarded_network import GuardedNetwork, Resolver, SystemResolver
from hedgerow_webhooks.infrastructure.http_sender import HttpSender
from hedgerow_webhooks.infrastructure.outgoing import PostgresOutgoingReader
from hedgerow_webhooks.infrastructure.readers import PostgresEndpointReader, PostgresMessageReader
from hedgerow_webhooks.infrastructure.signing_secrets import SealedSecrets
from hedgerow_webhooks.infrastructure.work import PostgresWebhooksWork
from hedgerow_webhooks.settings import WebhooksSettings


class WebhooksContainer(containers.DeclarativeContainer):
    """The parent of `core` is the host's; `settings` are an instance of `WebhooksSettings`."""

    core = providers.DependenciesContainer()
    settings: providers.Dependency[WebhooksSettings] = providers.Dependency(instance_of=WebhooksSettings)

    rules = settings.provided.target_rules
    secrets = providers.ThreadSafeSingleton(
        SealedSecrets, settings.provided.secret, settings.provided.secret_previous, folder=core.data_dir
    )
    resolver: providers.Provider[Resolver] = providers.ThreadSafeSingleton(SystemResolver)
    network = providers.ThreadSafeSingleton(GuardedNetwork, resolver, ports=rules.ports, local_too=rules.local_too)
    sender: providers.Provider[Sender] = providers.ThreadSafeSingleton(
        HttpSender,
        network,
        core.clock,
        settings.provided.timeout,
        authorities=providers.Object(authorities),
    )

    work = providers.Factory(PostgresWebhooksWork, context=core.context, clock=core.clock, secrets=secrets)
    """Called with the connection of a transaction."""
    endpoint_reader = providers.ThreadSafeSingleton(PostgresEndpointReader, database=core.database)
    message_reader = providers.ThreadSafeSingleton(PostgresMessageReader, database=core.database)
    outgoing_reader = providers.ThreadSafeSingleton(
        PostgresOutgoingReader, database=core.database, secrets=secrets, clock=core.clock
    )

    register_endpoint = providers.ThreadSafeSingleton(RegisterEndpointHandler, clock=core.clock, rules=rules)
    change_endpoint = providers.ThreadSafeSingleton(ChangeEndpointHandler, rules=rules)
    delete_endpoint = providers.ThreadSafeSingleton(DeleteEndpointHandler)
    rotate_secret = providers.ThreadSafeSingleton(RotateSecretHandler, clock=core.clock)
    redeliver_message = providers.ThreadSafeSingleton(RedeliverMessageHandler, clock=core.clock)
    redeliver_failed = providers.ThreadSafeSingleton(RedeliverFailedHandler, clock=core.clock)

    get_endpoint = providers.ThreadSafeSingleton(GetEndpointHandler, endpoints=endpoint_reader)
    list_endpoints = providers.ThreadSafeSingleton(ListEndpointsHandler, endpoints=endpoint_reader)
    get_message = providers.ThreadSafeSingleton(GetMessageHandler, messages=message_reader)
    list_messages = providers.ThreadSafeSingleton(
        ListMessagesHandler, endpoints=endpoint_reader, messages=message_reader
    )

    lanes = providers.ThreadSafeSingleton(Lanes)
    send_message = providers.ThreadSafeSingleton(
        SendMessageHandler,
        messages=outgoing_reader,
        sender=sender,
        lanes=lanes,
        clock=core.clock,
        give_up_after=settings.provided.give_up_after,
    )
    tidy_up = providers.ThreadSafeSingleton(TidyUpHandler, clock=core.clock, keep=settings.provided.keep)
