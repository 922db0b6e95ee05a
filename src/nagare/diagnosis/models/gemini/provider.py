"""Asks a Gemini model through google-genai; retries, functions and bounds stay ours, and the environment decides nothing."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx2
from google import genai
from google.genai import errors, types

from nagare.diagnosis.models.connection import Connection
from nagare.diagnosis.models.faults import fault_of, retry_after, unreadable
from nagare.diagnosis.models.gemini.chunks import Chunks
from nagare.diagnosis.models.gemini.request import config_of, contents_of
from nagare.diagnosis.models.gemini.transport import SessionTransport
from nagare.diagnosis.models.json_text import as_list, as_object, as_text
from nagare.diagnosis.models.provider import Ask, Hear, Reply, Tokens, estimated_tokens, hear_nothing, text_of
from nagare.errors import NagareError
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.invariant import invariant
from nagare.net.streaming import StreamSession

_API_VERSION = "v1beta"
# It tells of every request; what was asked stands in the log of models.
logging.getLogger("httpx2").setLevel(logging.WARNING)
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class GeminiProvider:
    """One model of the Gemini API, or of what stands at another endpoint in its place."""

    def __init__(self, connection: Connection, *, clock: Clock | None = None) -> None:
        """Open nothing yet. Raises ConfigError for an address that is none."""
        self._connection = connection
        self._clock = clock or SystemClock()
        parts = urlsplit(connection.endpoint)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._session = StreamSession(self._origin, limit_bytes=connection.limit_bytes, trust=connection.trust)
        self._secret = ""
        self._client: genai.Client | None = None
        self._http: httpx2.AsyncClient | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self._connection.model

    async def __aenter__(self) -> Self:
        """Read the secret and prepare the client. Raises ConfigError."""
        self._secret = await self._connection.secret()
        await self._session.__aenter__()
        self._http = httpx2.AsyncClient(
            transport=SessionTransport(self._session, self._origin), trust_env=False, follow_redirects=False
        )
        # It reads certificates and looks for credentials.
        self._client = await asyncio.to_thread(self._make_client, self._http)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aio.aclose()
            client.close()
        if self._http is not None:
            await self._http.aclose()
        await self._session.__aexit__(kind, error, trace)

    async def answer(self, ask: Ask, hear: Hear = hear_nothing) -> Reply:
        """Ask once, as ``ModelProvider`` says."""
        chunks = Chunks(hear)
        try:
            await self._stream(ask, chunks)
        except errors.APIError as error:
            raise self._fault(error) from None
        except (ValueError, TypeError, AttributeError, KeyError, LookupError):
            # What the client makes of an answer that is none; its own words repeat the whole of it.
            raise unreadable(self.model, "it is not understood") from None
        if chunks.fault:
            raise unreadable(self.model, f"the provider says {chunks.fault}")
        if not chunks.is_ended:
            raise unreadable(self.model, "it ended before it was whole")
        estimate = Tokens(estimated_tokens(text_of(ask)), estimated_tokens(chunks.written()), is_estimate=True)
        return chunks.reply(self.model, estimate)

    async def _stream(self, ask: Ask, chunks: Chunks) -> None:
        invariant(self._client is not None, "a provider must be entered before it is used")
        assert self._client is not None
        stream = await self._client.aio.models.generate_content_stream(
            model=self.model, contents=contents_of(ask), config=config_of(ask)
        )
        async with aclosing(stream):
            async for chunk in stream:
                chunks.take(chunk)

    def _make_client(self, http: httpx2.AsyncClient) -> genai.Client:
        options = types.HttpOptions(
            base_url=self._connection.endpoint,
            api_version=_API_VERSION,
            httpx_async_client=http,
            # Ours are the retries; without this the client adds one of its own after a cut.
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        return genai.Client(vertexai=False, api_key=self._secret or "none", http_options=options)

    def _fault(self, error: errors.APIError) -> NagareError:
        details = error.details if isinstance(error.details, dict) else {}
        headers: Mapping[str, str] = {
            name.lower(): value for name, value in dict(getattr(error.response, "headers", None) or {}).items()
        }
        after = retry_after(headers, self._clock.now())
        return fault_of(
            self.model,
            error.code if isinstance(error.code, int) else 500,
            error.message if isinstance(error.message, str) else "",
            secret=self._secret,
            retry_after_seconds=_told_delay(details) if after is None else after,
        )


def _told_delay(details: dict[str, object]) -> float | None:
    # google.rpc.RetryInfo, among the details of a refusal: "17s", "0.5s".
    for detail in as_list(as_object(details.get("error")).get("details")):  # type: ignore[arg-type]
        if found := _DELAY.fullmatch(as_text(as_object(detail).get("retryDelay"))):
            return float(found[1])
    return None
