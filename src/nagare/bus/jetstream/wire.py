"""Messages as NATS carries them: the id and the key are headers beside the message's own. Pure but for nats-py's types."""

from __future__ import annotations

import json
from typing import Any

from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import APIError

from nagare.bus.message import Message
from nagare.bus.protocol import Ack, ConsumerSpec
from nagare.bus.streams import Full, StreamSpec

_ID, _KEY = "Nats-Msg-Id", "Nagare-Key"
# Added by the server to some messages.
_OF_SERVER = "Nats-"


def headers_of(message: Message) -> dict[str, str]:
    """Return the headers that ``message`` travels with."""
    headers = {_ID: message.id}
    if message.key:
        headers[_KEY] = message.key
    if message.headers:
        headers.update(message.headers)
    return headers


def read_message(received: Msg) -> Message:
    """Return the message that ``received`` carries."""
    headers = received.headers or {}
    own = {name: text for name, text in headers.items() if not name.startswith(_OF_SERVER) and name != _KEY}
    return Message(received.subject, received.data, headers.get(_ID, ""), headers.get(_KEY, ""), own)


def read_ack(payload: bytes) -> Ack:
    """Return the ack of a published message. Raises APIError for a refusal."""
    # As text: of bytes, the module looks for the encoding first.
    answer: dict[str, Any] = json.loads(payload.decode())
    if "error" in answer:
        raise APIError(**{name: answer["error"].get(name) for name in ("code", "err_code", "description")})
    return Ack(answer["stream"], answer["seq"], answer.get("duplicate", False))


def stream_config(spec: StreamSpec, replicas: int) -> api.StreamConfig:
    """Return how JetStream is to keep a stream."""
    return api.StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW if spec.full is Full.REJECT else api.DiscardPolicy.OLD,
        max_age=spec.keep_seconds,
        max_msgs=spec.limit_messages,
        max_bytes=spec.limit_bytes,
        duplicate_window=min(spec.duplicate_seconds, spec.keep_seconds),
        num_replicas=replicas,
        allow_direct=True,
    )


def consumer_config(spec: ConsumerSpec) -> api.ConsumerConfig:
    """Return how JetStream is to keep a consumer.

    Its own bound of deliveries is off: what it gives up on it only reports, once and to whoever listens then. Who
    fetches counts, and makes the dead letter before it lets go of the message.
    """
    subjects = list(spec.subjects)
    return api.ConsumerConfig(
        durable_name=spec.name,
        ack_policy=api.AckPolicy.EXPLICIT,
        deliver_policy=api.DeliverPolicy.NEW if spec.only_new else api.DeliverPolicy.ALL,
        ack_wait=spec.ack_seconds,
        max_deliver=-1,
        max_ack_pending=spec.unacked_limit,
        filter_subject=subjects[0] if len(subjects) == 1 else None,
        filter_subjects=subjects if len(subjects) > 1 else None,
    )
