"""All ways out as one: the sender of a channel is that of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nagare.lib.clock import Clock
from nagare.model.notify.exchange import Codec
from nagare.model.notify.notice import Delivery, Notice
from nagare.model.notify.receiver import Channel, ChannelKind
from nagare.model.notify.sending import NotSent, Sender, Sent
from nagare.net.channels.apprise import AppriseSender
from nagare.net.channels.http import HttpSender
from nagare.net.channels.secret import Secrets
from nagare.net.channels.terminal import TellEvent, TerminalSender
from nagare.net.trust import Trust


class Channels:
    """Sends to channels of every kind; ``close`` it when no delivery is on its way any more."""

    def __init__(
        self,
        codecs: Mapping[ChannelKind, Codec],
        title: Callable[[Notice], str],
        render: Callable[[Delivery, str], tuple[str, str]],
        clock: Clock,
        tell_event: TellEvent,
        *,
        trust: Trust | None = None,
    ) -> None:
        """Prepare; nothing is opened before it is used.

        ``title`` and ``render`` put a notice into words, for terminals and for what takes a title and a body.
        """
        self._secrets = Secrets()
        self._http = HttpSender(codecs, self._secrets, clock, trust=trust)
        self._senders: Mapping[ChannelKind, Sender] = {
            **dict.fromkeys(codecs, self._http),
            ChannelKind.TERMINAL: TerminalSender(tell_event, title),
            ChannelKind.APPRISE: AppriseSender(self._secrets, render),
        }

    async def send(self, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:
        """Send ``delivery``; see ``Sender.send``."""
        return await self._senders[channel.kind].send(channel, delivery, ref, ack_url)

    async def close(self) -> None:
        """Close what was opened."""
        self._secrets.close()
        await self._http.close()
