"""What a channel says when something is sent to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nagare.model.notify.notice import Delivery
from nagare.model.notify.receiver import Channel


@dataclass(frozen=True, slots=True)
class Sent:
    """It took the message; ``ref`` is what it calls it, empty where it says nothing."""

    ref: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """It did not. ``fault`` says why, in words without secrets and without terminal escapes.

    ``is_final``: trying again is of no use. ``after_seconds``: when to try again at the earliest, None where it does not say.
    """

    fault: str
    is_final: bool = False
    after_seconds: float | None = None


class Sender(Protocol):
    """Sends to channels of some kinds."""

    async def send(self, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:
        """Send ``delivery``; never raises but for cancellation, and ends within its own deadline (20 s).

        ``ref`` is what the channel called an earlier message of the incident, empty for the first. ``ack_url`` is a page on which
        the incident can be acknowledged, empty where there is none.
        """
        ...
