"""The events of the hosted contexts as an AsyncAPI 3.0 document, for tools that know nothing of Hedgerow.

A channel is an event type. Whoever publishes it sends there, whoever subscribes receives; what travels is the
payload as its contract says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from inspect import getdoc
from typing import Any
from urllib.parse import urlsplit

from hedgerow_core.messaging import EventContract, Subscription
from hedgerow_core.messaging.announcements import MEDIA_TYPE
from hedgerow_core.messaging.contracts import published_schema
from hedgerow_host.assembly import Assembly
from hedgerow_host.streams.streams import NAME

ASYNCAPI = "3.0.0"
JSON = "application/json"
DISTRIBUTION = "hedgerow-host"

STREAM = "stream"
ENVELOPE = "CloudEvent"
ATTRIBUTES = (
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataversion",
    "partitionkey",
    "sequence",
    "traceparent",
)

Document = dict[str, Any]


def asyncapi(assembly: Assembly, stream_url: str | None = None) -> Document:
    """The document. Subscriptions to contexts that are not hosted here are left out: it is theirs to describe.

    With a stream it says where events are announced, and that they are CloudEvents there.
    """
    published = [
        (context.name, event) for context in assembly.contexts for event in context.subscriptions.publishes
    ]
    channels: Document = {}
    operations: Document = {}
    components: Document = {"messages": {}, "schemas": {}}
    for context, event in published:
        channel = channels.setdefault(event.event_type, _channel(event))
        channel["messages"][_version(event)] = {"$ref": f"#/components/messages/{_message_id(event)}"}
        components["messages"][_message_id(event)] = _message(event)
        components["schemas"] |= _schemas(event)
        sent = operations.setdefault(f"{event.event_type}.send", _operation("send", context, event.event_type))
        sent["messages"].append(_message_in_channel(event))
    for hosted in assembly.contexts:
        for wanted in hosted.subscriptions.subscribes:
            readable = [event for _publisher, event in published if _reads(wanted, event)]
            if readable:
                operation = _operation("receive", hosted.name, wanted.event)
                operations[wanted.name] = operation | {
                    "messages": [_message_in_channel(event) for event in readable]
                }
    if stream_url is not None:
        _announced(stream_url, channels, components)
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Hedgerow",
            "version": version(DISTRIBUTION),
            "description": f"What {', '.join(assembly.names) or 'no context'} publish and hear.",
        },
        "defaultContentType": JSON,
        **({"servers": {STREAM: _server(stream_url)}} if stream_url is not None else {}),
        "channels": channels,
        "operations": operations,
        "components": components,
    }


def _server(stream_url: str) -> Document:
    """Without whatever credentials the URL has."""
    url = urlsplit(stream_url)
    return {"host": url.netloc.rpartition("@")[2], "protocol": url.scheme}


def _announced(stream_url: str, channels: Document, components: Document) -> None:
    """Bring the channels to the stream. In RabbitMQ an address is a routing key, elsewhere a context's stream."""
    in_rabbitmq = urlsplit(stream_url).scheme.startswith("amqp")
    components["schemas"][ENVELOPE] = {
        "type": "object",
        "description": "A CloudEvent 1.0 in structured JSON; `data` is the payload.",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {name: {"type": "string"} for name in ATTRIBUTES},
    }
    for type, channel in channels.items():
        channel["servers"] = [{"$ref": f"#/servers/{STREAM}"}]
        if in_rabbitmq:
            channel["bindings"] = {"amqp": {"is": "routingKey", "exchange": {"name": NAME, "type": "topic"}}}
        else:
            channel["address"] = f"{NAME}.{type.partition('.')[0]}"
    for message in components["messages"].values():
        data = {"type": "object", "properties": {"data": message["payload"]}}
        message |= {
            "contentType": MEDIA_TYPE,
            "payload": {"allOf": [{"$ref": f"#/components/schemas/{ENVELOPE}"}, data]},
        }


def _channel(event: type[EventContract]) -> Document:
    return {"address": event.event_type, "description": _said(event), "messages": {}}


def _message(event: type[EventContract]) -> Document:
    return {
        "name": event.event_type,
        "title": f"{event.event_type} {_version(event)}",
        "summary": _said(event),
        "contentType": JSON,
        "payload": {"$ref": f"#/components/schemas/{_message_id(event)}"},
    }


def _operation(action: str, context: str, event: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{event}"},
        "tags": [{"name": context}],
        "messages": [],
    }


def _schemas(event: type[EventContract]) -> Iterator[tuple[str, Any]]:
    """The payload's schema and those it builds on. Each gets a name of its own: `$defs` are known inside of one."""
    schema = published_schema(event)
    definitions = schema.pop("$defs", {})
    yield _message_id(event), _rehung(schema, _message_id(event))
    for name, definition in definitions.items():
        yield f"{_message_id(event)}.{name}", _rehung(definition, _message_id(event))


def _rehung(schema: Any, owner: str) -> Any:
    if isinstance(schema, Mapping):
        return {
            word: value.replace("#/$defs/", f"#/components/schemas/{owner}.")
            if word == "$ref" and isinstance(value, str)
            else _rehung(value, owner)
            for word, value in schema.items()
        }
    return [_rehung(each, owner) for each in schema] if isinstance(schema, list) else schema


def _reads(wanted: Subscription, event: type[EventContract]) -> bool:
    return event.event_type == wanted.event and wanted.oldest_version <= event.event_version <= wanted.version


def _message_in_channel(event: type[EventContract]) -> Document:
    return {"$ref": f"#/channels/{event.event_type}/messages/{_version(event)}"}


def _message_id(event: type[EventContract]) -> str:
    return f"{event.event_type}.{_version(event)}"


def _version(event: type[EventContract]) -> str:
    return f"v{event.event_version}"


def _said(event: type[EventContract]) -> str:
    return (getdoc(event) or "").partition("\n")[0]
