"""Channels whose providers are asked over HTTP: one request a delivery, and one more where what it would change is gone.

No redirect is followed and no proxy of the environment is used, so that a secret reaches the host that was named and no other; of an
answer no more than 64 KiB are read. A fault names the channel and the host, never the rest of an address: it may hold a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import aiohttp
from yarl import URL

from nagare.errors import ConfigError, ConnectFailedError, UnavailableError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.notify.exchange import Codec, HttpReply, HttpRequest, RefGone
from nagare.model.notify.notice import Delivery
from nagare.model.notify.receiver import Channel, ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from nagare.net.bare import bare_session
from nagare.net.channels.secret import Secrets, hidden
from nagare.net.translated import Translated
from nagare.net.trust import Trust

DEADLINE_SECONDS = 20.0
ANSWER_LIMIT_BYTES = 65_536
_FAULT_LIMIT = 500
# As many deliveries as ever go out at one time.
_CONNECTION_LIMIT = 64


class HttpSender:
    """Sends by the codec of each kind; ``close`` it."""

    def __init__(
        self,
        codecs: Mapping[ChannelKind, Codec],
        secrets: Secrets,
        clock: Clock,
        *,
        trust: Trust | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Keep what is needed; the first delivery opens the session."""
        self._codecs = codecs
        self._secrets = secrets
        self._clock = clock
        self._trust = trust or Trust()
        self._deadline_seconds = deadline_seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:
        """Send ``delivery``; see ``Sender.send``."""
        secret = ""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                secret = await self._secrets.read(channel)
                outcome = await self._try(channel, secret, delivery, ref, ack_url)
                if isinstance(outcome, RefGone):
                    outcome = await self._try(channel, secret, delivery, "", ack_url)
        except TimeoutError:
            outcome = NotSent(f"cannot send to {channel.key}: no whole answer within {self._deadline_seconds:g} s")
        except ConfigError as error:
            outcome = NotSent(error.message, is_final=True)
        except ConnectFailedError as error:
            outcome = NotSent(f"cannot send to {channel.key}: {error.message}")
        except UnavailableError as error:
            outcome = NotSent(error.message)
        if isinstance(outcome, RefGone):
            # What a first message cannot have changed: the provider contradicts itself.
            outcome = NotSent(f"cannot send to {channel.key}: {outcome.fault}")
        if not isinstance(outcome, NotSent):
            return outcome
        # Cut last: of a secret that was cut in its middle nobody could tell that it is one.
        return replace(outcome, fault=plain(hidden(outcome.fault, secret), _FAULT_LIMIT))

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _try(
        self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str
    ) -> Sent | NotSent | RefGone:
        codec = self._codecs[channel.kind]
        request = codec.ask(channel, secret, delivery, ref, ack_url)
        try:
            # Encoded as its owner wrote it: a percent sign in a token stays one.
            url = URL(request.url, encoded=True)
            host = url.origin().host
        except ValueError as error:
            raise ConfigError(f"cannot send to {channel.key}: its address is no http or https URL") from error
        outcome = codec.read(await self._exchange(url, request), ref)
        if isinstance(outcome, NotSent):
            return replace(outcome, fault=f"cannot send to {channel.key} at {host}: {outcome.fault}")
        return outcome

    async def _exchange(self, url: URL, request: HttpRequest) -> HttpReply:
        if self._session is None:
            # Nothing is packed, so that what is read is what there is.
            self._session = bare_session(self._trust, accept_encoding="identity", connection_limit=_CONNECTION_LIMIT)
        with Translated(url):
            async with self._session.request(
                request.method, url, data=request.body, headers=request.headers, allow_redirects=False
            ) as response:
                content = await _read_first(response)
                found = {name.lower(): value for name, value in response.headers.items()}
                return HttpReply(response.status, found, content, self._clock.now_ms())


async def _read_first(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, of a longer one the beginning: the status says enough, and what is no whole document is none."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_LIMIT_BYTES:
            # The connection is of no use any more: the rest of the body stands in it.
            response.close()
            break
    return bytes(content[:ANSWER_LIMIT_BYTES])
