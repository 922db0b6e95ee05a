"""Which codec speaks with the providers of which kind of channel, where that is HTTP. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.interop.outgoing.ntfy import NtfyCodec
from nagare.interop.outgoing.pagerduty import PagerDutyCodec
from nagare.interop.outgoing.slack import SlackCodec
from nagare.interop.outgoing.telegram import TelegramCodec
from nagare.interop.outgoing.webhook import WebhookCodec
from nagare.model.notify.exchange import Codec
from nagare.model.notify.receiver import ChannelKind

CODECS: Mapping[ChannelKind, Codec] = MappingProxyType(
    {
        ChannelKind.WEBHOOK: WebhookCodec(),
        ChannelKind.NTFY: NtfyCodec(),
        ChannelKind.SLACK: SlackCodec(),
        ChannelKind.TELEGRAM: TelegramCodec(),
        ChannelKind.PAGERDUTY: PagerDutyCodec(),
    }
)
