"""A question in the words of chat completions; what one endpoint does not know is left out, as it says so itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.provider import Answered, Ask, Said, Told, Tool, ToolCall, Turn


@dataclass(frozen=True, slots=True)
class Manner:
    """How an endpoint wants to be asked; begins with what OpenAI takes, and is learned from what is refused."""

    # The older name is what local servers know; OpenAI's newer models refuse it.
    limit: str = "max_tokens"
    tells_usage: bool = True
    # How a form is asked for: by schema, as any JSON object, or in words alone.
    form: str = "json_schema"

    def after(self, words: str) -> Manner | None:
        """Return another manner, after a refusal that says ``words``; None where it is about something else."""
        if "max_completion_tokens" in words and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if ("stream_options" in words or "include_usage" in words) and self.tells_usage:
            return replace(self, tells_usage=False)
        if "response_format" in words or "json_schema" in words or "json_object" in words:
            weaker = {"json_schema": "json_object", "json_object": "words"}.get(self.form)
            return replace(self, form=weaker) if weaker else None
        return None


def body_of(model: str, ask: Ask, manner: Manner) -> bytes:
    """Return the body of the request."""
    body: dict[str, Json] = {
        "model": model,
        "messages": _messages(ask, manner),
        "stream": True,
        manner.limit: ask.answer_tokens,
    }
    if manner.tells_usage:
        body["stream_options"] = {"include_usage": True}
    if ask.tools:
        body["tools"] = [_tool(tool) for tool in ask.tools]
    if ask.schema is not None and manner.form != "words":
        body["response_format"] = _form(ask, manner)
    return json.dumps(body).encode()


def _messages(ask: Ask, manner: Manner) -> list[Json]:
    system = ask.system
    if ask.schema is not None and manner.form != "json_schema":
        system += f"\n\nAnswer with one JSON object of this schema and nothing else:\n{json.dumps(dict(ask.schema))}"
    messages: list[Json] = [{"role": "system", "content": system}]
    for turn in ask.turns:
        messages += _turn(turn)
    return messages


def _turn(turn: Turn) -> list[Json]:
    match turn:
        case Said(text):
            return [{"role": "user", "content": text}]
        case Answered(text, calls):
            message: dict[str, Json] = {"role": "assistant", "content": text}
            if calls:
                message["tool_calls"] = [_call(call) for call in calls]
            return [message]
        case Told(results):
            return [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in results]


def _call(call: ToolCall) -> Json:
    function: dict[str, Json] = {"name": call.name, "arguments": json.dumps(dict(call.arguments or {}))}
    return {"id": call.id, "type": "function", "function": function}


def _tool(tool: Tool) -> Json:
    function: dict[str, Json] = {"name": tool.name, "description": tool.text, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _form(ask: Ask, manner: Manner) -> Json:
    if manner.form == "json_object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(ask.schema or {}), "strict": True}}
