"""A question in the words of Gemini's ``generateContent``: plain dictionaries, which Google's client checks."""

from __future__ import annotations

import base64

from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.provider import Answered, Ask, Said, Told, Tool, ToolCall, Turn


def contents_of(ask: Ask) -> list[dict[str, object]]:
    """Return the turns."""
    return [_content(turn) for turn in ask.turns]


def config_of(ask: Ask) -> dict[str, object]:
    """Return everything beside the turns. The client runs no function and asks for no more by itself: both are our steps."""
    config: dict[str, object] = {
        "system_instruction": ask.system,
        "max_output_tokens": ask.answer_tokens,
        "automatic_function_calling": {"disable": True},
        "automatic_continuation": False,
    }
    if ask.tools:
        config["tools"] = [{"function_declarations": [_tool(tool) for tool in ask.tools]}]
    if ask.schema is not None:
        config |= {"response_mime_type": "application/json", "response_json_schema": dict(ask.schema)}
    return config


def _content(turn: Turn) -> dict[str, object]:
    match turn:
        case Said(text):
            return {"role": "user", "parts": [{"text": text}]}
        case Answered(text, calls):
            parts: list[dict[str, object]] = [{"text": text}] if text else []
            return {"role": "model", "parts": parts + [_call(call) for call in calls]}
        case Told(results):
            return {"role": "user", "parts": [_result(call, text) for call, text in results]}


def _call(call: ToolCall) -> dict[str, object]:
    part: dict[str, object] = {"function_call": {"name": call.name, "args": dict(call.arguments or {})}}
    if call.mark:
        # How the model goes on with the thoughts that led to the call; without it newer ones refuse the turn.
        part["thought_signature"] = base64.b64decode(call.mark)
    return part


def _result(call: ToolCall, text: str) -> dict[str, object]:
    return {"function_response": {"name": call.name, "response": {"result": text}}}


def _tool(tool: Tool) -> dict[str, object]:
    parameters: dict[str, Json] = dict(tool.parameters)
    return {"name": tool.name, "description": tool.text, "parameters_json_schema": parameters}
