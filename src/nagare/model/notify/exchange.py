"""One exchange with a provider over HTTP: what is asked, what it answered, and who knows how to read that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nagare.model.notify.notice import Delivery
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. All but the method may hold a secret, so it is shown nowhere."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back: headers by lower-case name, the body up to a bound, and when it came (Unix milliseconds)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class RefGone:
    """What was to be changed is not there any more, or may not be changed: the message is to be sent as a first one."""

    fault: str


class Codec(Protocol):
    """Speaks with the providers of one kind of channel."""

    def ask(self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str) -> HttpRequest:
        """Return the request that sends ``delivery``. Raises ConfigError for options or a secret that cannot be used.

        ``ref`` and ``ack_url`` as in ``Sender.send``.
        """
        ...

    def read(self, reply: HttpReply, ref: str) -> Sent | NotSent | RefGone:
        """Return what the answer to such a request means; faults hold words of the provider, made harmless.

        They are as long as the answer: who sends takes the secret out of them, and cuts them then.
        """
        ...
