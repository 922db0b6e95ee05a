"""The channel of every ``nagare top`` that is connected: an event, which is stored and told to whoever watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.model.event import Event, Severity
from nagare.model.notify.notice import Delivery, Notice
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent

KIND = "notification"
_SOURCE = "alerting"
_TEXT_LIMIT = 1000

TellEvent = Callable[[Event], Awaitable[object]]


class TerminalSender:
    """Tells an event for each delivery; its id is that of the delivery, so that a repeat changes nothing."""

    def __init__(self, tell_event: TellEvent, title: Callable[[Notice], str]) -> None:
        """Tell by ``tell_event`` what ``title`` says of a notice."""
        self._tell_event = tell_event
        self._title = title

    async def send(self, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:  # noqa: ARG002  an event is not changed, and top acknowledges by itself
        """Tell it; see ``Sender.send``."""
        try:
            await self._tell_event(event_of(channel, delivery, self._title(delivery.notice)))
        except NagareError as error:
            return NotSent(f"cannot send to {channel.key}: {error.message}")
        return Sent()


def event_of(channel: Channel, delivery: Delivery, title: str) -> Event:
    """Return what is told of ``delivery``; it is of a host where all that it names are."""
    notice = delivery.notice
    hosts = {line.host for line in (*notice.firing, *notice.resolved)}
    return Event(
        id=delivery.id,
        ts=notice.at_ms,
        host=hosts.pop() if len(hosts) == 1 else "",
        kind=KIND,
        severity=Severity.INFO if notice.is_over else Severity(max(0, min(notice.severity, 3))),
        source=_SOURCE,
        text=plain(title, _TEXT_LIMIT),
        attributes={
            "incident": notice.incident,
            "channel": channel.key,
            "receiver": notice.receiver,
            "reason": plain(notice.reason, 100),
        },
    )
