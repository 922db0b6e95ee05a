"""Asks an endpoint that speaks as OpenAI's does, over our own session: no library of anybody, so local servers' habits are ours to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from nagare.diagnosis.models.connection import Connection
from nagare.diagnosis.models.faults import fault_of, retry_after, unreadable
from nagare.diagnosis.models.json_text import as_object, as_text, parse_object
from nagare.diagnosis.models.openai.chunks import Chunks
from nagare.diagnosis.models.openai.request import Manner, body_of
from nagare.diagnosis.models.provider import Ask, Hear, Reply, Tokens, estimated_tokens, hear_nothing, text_of
from nagare.diagnosis.models.server_events import ServerEvents
from nagare.errors import NagareError
from nagare.lib.clock import Clock, SystemClock
from nagare.net.streaming import StreamedAnswer, StreamSession

_END = "[DONE]"


class OpenAiProvider:
    """One model of one endpoint."""

    def __init__(self, connection: Connection, *, clock: Clock | None = None) -> None:
        """Open nothing yet. Raises ConfigError for an address that is none."""
        self._connection = connection
        self._clock = clock or SystemClock()
        self._manner = Manner()
        self._headers: Mapping[str, str] = {}
        self._secret = ""
        self._session = StreamSession(connection.endpoint, limit_bytes=connection.limit_bytes, trust=connection.trust)

    @property
    def model(self) -> str:
        """The model's name, as the endpoint knows it."""
        return self._connection.model

    async def __aenter__(self) -> Self:
        """Read the secret and prepare the connections. Raises ConfigError."""
        self._secret = await self._connection.secret()
        shown = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        self._headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json", **shown}
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._session.__aexit__(kind, error, trace)

    async def answer(self, ask: Ask, hear: Hear = hear_nothing) -> Reply:
        """Ask once, as ``ModelProvider`` says."""
        while True:
            answer = await self._session.post("chat/completions", body_of(self.model, ask, self._manner), self._headers)
            try:
                if answer.status == 200:
                    return await self._read(answer, ask, hear)
                words = _words_of(await answer.read())
            finally:
                answer.close()
            manner = self._manner.after(words) if answer.status in (400, 422) else None
            if manner is None:
                raise self._fault(answer.status, words, answer.headers)
            # Each manner asks for less than the one before: there are five.
            self._manner = manner

    async def _read(self, answer: StreamedAnswer, ask: Ask, hear: Hear) -> Reply:
        chunks = Chunks(hear)
        if answer.headers.get("content-type", "").startswith("application/json"):
            # It does not stream, though it was asked to.
            self._take(chunks, (await answer.read()).decode(errors="replace"))
        else:
            await self._stream(answer, chunks)
        if not chunks.is_ended:
            raise unreadable(self.model, "it ended before it was whole")
        estimate = Tokens(estimated_tokens(text_of(ask)), estimated_tokens(chunks.written()), is_estimate=True)
        return chunks.reply(self.model, estimate)

    async def _stream(self, answer: StreamedAnswer, chunks: Chunks) -> None:
        events = ServerEvents()
        while piece := await answer.receive():
            for event in events.take(piece):
                if event == _END:
                    return
                self._take(chunks, event)
        for event in events.finish():
            if event != _END:
                self._take(chunks, event)

    def _take(self, chunks: Chunks, event: str) -> None:
        chunk = parse_object(event)
        if chunk is None:
            raise unreadable(self.model, "it is no JSON")
        if fault := chunk.get("error"):
            told = as_object(fault)
            code = told.get("code")
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise self._fault(status, as_text(told.get("message")) or as_text(fault), {})
        chunks.take(chunk)

    def _fault(self, status: int, words: str, headers: Mapping[str, str]) -> NagareError:
        after = retry_after(headers, self._clock.now())
        return fault_of(self.model, status, words, secret=self._secret, retry_after_seconds=after)


def _words_of(body: bytes) -> str:
    whole = parse_object(body) or {}
    told = whole.get("error") or whole.get("detail") or whole.get("message")
    return as_text(as_object(told).get("message")) or as_text(told) or (json.dumps(told) if told else "")
