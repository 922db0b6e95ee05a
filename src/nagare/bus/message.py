"""What is published: a message under a subject, with the id that makes a repeat known. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.errors import BodyTooLargeError, InputError, InvalidLabelError

# A NATS server takes a mebibyte with headers unless it is told otherwise; both implementations take the same.
DATA_LIMIT_BYTES = 960 * 1024
HEADERS_LIMIT_BYTES = 16 * 1024
# Of one publish: they are looked at on the event loop, a few milliseconds for a thousand.
PUBLISH_LIMIT = 10_000
# Headers that the room sets itself, and those that mean something to a NATS server.
RESERVED = ("nagare-", "nats-")
_ID = re.compile(r"[!-~]{1,200}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``id`` names it within its stream: published again within the stream's window, it is stored once.

    ``key`` says what must stay in order: in a stream with partitions, messages of one key share one. ``data`` is at most
    ``DATA_LIMIT_BYTES`` long.
    """

    subject: str
    data: bytes
    id: str
    key: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)


def check_message(message: Message) -> None:
    """Raise InvalidLabelError or BodyTooLargeError unless ``message`` (all but its subject) may be published."""
    if _ID.fullmatch(message.id) is None:
        raise InvalidLabelError(
            f"cannot use message id {message.id[:80]!r}: 1 to 200 printable ASCII characters, no blanks"
        )
    if message.key and _ID.fullmatch(message.key) is None:
        raise InvalidLabelError(f"cannot use message key {message.key[:80]!r}: as an id, or empty")
    if len(message.data) > DATA_LIMIT_BYTES:
        raise BodyTooLargeError(
            f"cannot publish message {message.id}: {len(message.data)} bytes, {DATA_LIMIT_BYTES} at most"
        )
    if message.headers:
        _check_headers(message)


def check_count(messages: Sequence[Message]) -> None:
    """Raise InputError for more messages than one publish may have."""
    if len(messages) > PUBLISH_LIMIT:
        raise InputError(f"cannot publish {len(messages)} messages at one time: {PUBLISH_LIMIT} at most")


def _check_headers(message: Message) -> None:
    for name, value in message.headers.items():
        if _HEADER_NAME.fullmatch(name) is None or name.lower().startswith(RESERVED):
            raise InvalidLabelError(f"cannot use header {name[:80]!r} in message {message.id}")
        if _HEADER_VALUE.fullmatch(value) is None:
            raise InvalidLabelError(
                f"cannot use the value of header {name} in message {message.id}: printable ASCII without blanks around it"
            )
    if sum(len(name) + len(value) + 4 for name, value in message.headers.items()) > HEADERS_LIMIT_BYTES:
        raise BodyTooLargeError(
            f"cannot publish message {message.id}: headers of more than {HEADERS_LIMIT_BYTES} bytes"
        )
