"""A model's provider on loopback that speaks two wire formats for real: OpenAI's chat completions and Gemini's generateContent.

What it answers is a list of acts, or a function of what was asked: a hostile one obeys whatever text it is shown.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "k3y-of-the-model-0123456789"
MODEL = "small-1"
SIGNATURE = base64.b64encode(b"thoughts of call").decode()


@dataclass
class Heard:
    """One request, in neither format."""

    wire: str
    system: str
    # Every text of the turns, in their order.
    text: str
    tools: list[str]
    schema: dict[str, Any] | None
    raw: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Act:
    """What is answered: text in pieces, calls with their arguments, counted tokens, and what goes wrong instead."""

    pieces: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    tokens: tuple[int, int] | None = (100, 20)
    # stop, length or blocked
    end: str = "stop"
    status: int = 200
    message: str = ""
    retry_after: str = ""
    # garbage: no JSON. cut: the connection ends in the middle. short: a lawful end of HTTP, without an end of the answer.
    # huge: an answer without end. hang: nothing more comes. whole: no stream. fault: an error within the stream. redirect.
    trouble: str = ""


def says(text: str, **more: Any) -> Act:
    """Return an act that says ``text`` in two pieces."""
    middle = len(text) // 2
    return Act([text[:middle], text[middle:]], **more)


def says_json(value: object, **more: Any) -> Act:
    """Return an act that says ``value`` as JSON."""
    return says(json.dumps(value), **more)


Script = Callable[[Heard], Act]


class ModelServer:
    """The provider. ``acts`` are answered one by one, then ``script`` decides."""

    def __init__(self) -> None:
        self.url = ""
        self.key = KEY
        self.acts: deque[Act] = deque()
        self.script: Script = lambda _heard: says("nothing to say")
        self.heard: list[Heard] = []
        # Set once a client that listened to an answer has gone.
        self.left = asyncio.Event()
        self.hanging = asyncio.Event()
        # What this endpoint refuses in a body of chat completions: the name of a field.
        self.unknown: set[str] = set()

    def endpoint(self, wire: str) -> str:
        """Return the address to configure."""
        return f"{self.url}/v1" if wire == "openai" else self.url

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer chat completions."""
        body = await request.json()
        heard = _of_chat(body, dict(request.headers))
        self.heard.append(heard)
        if request.headers.get("Authorization", "") != f"Bearer {self.key}":
            text = f"Incorrect API key provided: {request.headers.get('Authorization', '')}"
            return web.json_response({"error": {"message": text, "code": "invalid_api_key"}}, status=401)
        for name in sorted(self.unknown):
            if name in body or (name == "json_schema" and body.get("response_format", {}).get("type") == name):
                text = f"Unsupported parameter: '{name}'"
                text += " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                return web.json_response({"error": {"message": text}}, status=400)
        return await self._act(request, heard, _ChatWire())

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """Answer generateContent, streamed."""
        assert request.query["alt"] == "sse"
        heard = _of_gemini(await request.json(), dict(request.headers))
        self.heard.append(heard)
        if request.headers.get("x-goog-api-key", "") != self.key:
            text = f"API key not valid: {request.headers.get('x-goog-api-key')}"
            return web.json_response(
                {"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}}, status=400
            )
        return await self._act(request, heard, _GeminiWire())

    async def _act(self, request: web.Request, heard: Heard, wire: "_Wire") -> web.StreamResponse:
        act = self.acts.popleft() if self.acts else self.script(heard)
        if act.trouble == "redirect":
            return web.Response(status=307, headers={"Location": "http://other.invalid/"})
        if act.status != 200:
            headers = {"Retry-After": act.retry_after} if act.retry_after else {}
            return web.json_response(wire.refusal(act), status=act.status, headers=headers)
        if act.trouble == "whole":
            return web.json_response(wire.whole(act))
        return await self._stream(request, act, wire)

    async def _stream(self, request: web.Request, act: Act, wire: "_Wire") -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for chunk in wire.chunks(act):
                await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if not await self._trouble(request, response, act):
                for line in wire.ending(act):
                    await response.write(f"data: {line}\n\n".encode())
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise
        return response

    async def _trouble(self, request: web.Request, response: web.StreamResponse, act: Act) -> bool:
        if act.trouble == "garbage":
            await response.write(b"data: {never closed\n\n")
        elif act.trouble == "fault":
            await response.write(f"data: {json.dumps({'error': {'code': 503, 'message': 'overloaded'}})}\n\n".encode())
        elif act.trouble == "cut":
            assert request.transport is not None
            request.transport.abort()
        elif act.trouble == "huge":
            while True:
                await response.write(b"x" * 65536)
        elif act.trouble == "hang":
            self.hanging.set()
            await asyncio.Event().wait()
        return bool(act.trouble)


class _Wire:
    def chunks(self, act: Act) -> list[dict[str, Any]]:
        raise NotImplementedError

    def ending(self, act: Act) -> list[str]:
        raise NotImplementedError

    def whole(self, act: Act) -> dict[str, Any]:
        raise NotImplementedError

    def refusal(self, act: Act) -> dict[str, Any]:
        raise NotImplementedError


class _ChatWire(_Wire):
    def chunks(self, act: Act) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in act.pieces]
        for index, (name, arguments) in enumerate(act.calls):
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            function = {"name": name, "arguments": written[:3]}
            deltas.append(
                {"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": function}]}
            )
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": written[3:]}}]})
        return [{"model": f"{MODEL}-2026", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]

    def ending(self, act: Act) -> list[str]:
        reason = {"stop": "tool_calls" if act.calls else "stop", "length": "length", "blocked": "content_filter"}[
            act.end
        ]
        lines = [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}]
        if act.tokens:
            usage = {"prompt_tokens": act.tokens[0], "completion_tokens": act.tokens[1]}
            lines.append({"choices": [], "usage": usage})  # type: ignore[dict-item]
        return [*map(json.dumps, lines), "[DONE]"]

    def whole(self, act: Act) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(act.pieces)}
        return {"model": MODEL, "choices": [{"message": message, "finish_reason": "stop"}]}

    def refusal(self, act: Act) -> dict[str, Any]:
        return {"error": {"message": act.message, "type": "error"}}


class _GeminiWire(_Wire):
    def chunks(self, act: Act) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = [{"text": "let me think", "thought": True}]
        parts += [{"text": piece} for piece in act.pieces]
        for name, arguments in act.calls:
            parts.append({"functionCall": {"name": name, "args": arguments}, "thoughtSignature": SIGNATURE})
        return [{"modelVersion": f"{MODEL}-2026", "candidates": [_candidate(part)]} for part in parts]

    def ending(self, act: Act) -> list[str]:
        return [json.dumps(self._last(act))]

    def _last(self, act: Act) -> dict[str, Any]:
        reason = {"stop": "STOP", "length": "MAX_TOKENS", "blocked": "SAFETY"}[act.end]
        last: dict[str, Any] = {"candidates": [{"content": {"role": "model", "parts": []}, "finishReason": reason}]}
        if act.tokens:
            last["usageMetadata"] = {"promptTokenCount": act.tokens[0], "candidatesTokenCount": act.tokens[1]}
        return last

    def whole(self, act: Act) -> dict[str, Any]:
        return self._last(act) | {"candidates": [_candidate({"text": "".join(act.pieces)}) | {"finishReason": "STOP"}]}

    def refusal(self, act: Act) -> dict[str, Any]:
        return {"error": {"code": act.status, "message": act.message, "status": "X"}}


def _candidate(part: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": [part]}}


def _of_chat(body: dict[str, Any], headers: dict[str, str]) -> Heard:
    turns = [str(message.get("content") or "") for message in body["messages"][1:]]
    tools = [tool["function"]["name"] for tool in body.get("tools", [])]
    form = body.get("response_format", {})
    schema = form.get("json_schema", {}).get("schema")
    return Heard("openai", body["messages"][0]["content"], "\n".join(turns), tools, schema, body, headers)


def _of_gemini(body: dict[str, Any], headers: dict[str, str]) -> Heard:
    parts = [part for content in body["contents"] for part in content["parts"]]
    turns = [part.get("text") or json.dumps(part.get("functionResponse", "")) for part in parts]
    tools = [one["name"] for tool in body.get("tools", []) for one in tool["functionDeclarations"]]
    system = "".join(part["text"] for part in body.get("systemInstruction", {"parts": []})["parts"])
    schema = body.get("generationConfig", {}).get("responseJsonSchema")
    return Heard("gemini", system, "\n".join(turns), tools, schema, body, headers)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Serve on loopback."""
    server = ModelServer()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_post(f"/v1beta/models/{MODEL}:streamGenerateContent", server.generate)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
