"""An answer of Gemini, put together from its chunks as they come."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from google.genai import types

from nagare.diagnosis.models.json_text import Json, as_count, parse_object
from nagare.diagnosis.models.provider import End, Hear, Reply, Tokens, ToolCall

_CALLS_LIMIT = 32
# Words for "it will not be said"; every other reason but the two lawful ones is a fault that may pass.
_BLOCKED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "LANGUAGE"})
_LAWFUL = {"STOP": End.STOP, "MAX_TOKENS": End.LENGTH}


@dataclass(slots=True)
class Chunks:
    """What came so far. ``fault`` is the provider's word for an answer that went wrong; ``is_ended`` once it is whole."""

    hear: Hear
    is_ended: bool = False
    fault: str = ""
    tokens: Tokens | None = None
    _model: str = ""
    _text: list[str] = field(default_factory=list)
    _calls: list[ToolCall] = field(default_factory=list)
    _end: End = End.STOP
    _why: str = ""

    def take(self, chunk: types.GenerateContentResponse) -> None:
        """Take one chunk."""
        self._model = chunk.model_version or self._model
        if (usage := chunk.usage_metadata) is not None:
            answer = as_count(usage.candidates_token_count) + as_count(usage.thoughts_token_count)
            self.tokens = Tokens(as_count(usage.prompt_token_count), answer)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason:
            self._block(str(feedback.block_reason.value))
        for candidate in (chunk.candidates or [])[:1]:
            self._candidate(candidate)

    def reply(self, model: str, tokens: Tokens) -> Reply:
        """Return the whole; ``model`` and ``tokens`` stand in for what was not told."""
        used = self.tokens or tokens
        return Reply("".join(self._text), tuple(self._calls), used, self._end, self._why, self._model or model)

    def written(self) -> str:
        """Return all that the model wrote so far, to be weighed."""
        return "".join((*self._text, *(call.name + str(call.arguments) for call in self._calls)))

    def _candidate(self, candidate: types.Candidate) -> None:
        for part in (candidate.content and candidate.content.parts) or []:
            self._part(part)
        if candidate.finish_reason is None:
            return
        reason = str(candidate.finish_reason.value)
        if reason in _LAWFUL:
            self.is_ended, self._end = True, _LAWFUL[reason]
        elif reason in _BLOCKED:
            self._block(reason)
        elif reason != "FINISH_REASON_UNSPECIFIED":
            self.fault = reason

    def _part(self, part: types.Part) -> None:
        if part.text and not part.thought:
            self._text.append(part.text)
            self.hear(part.text)
        call = part.function_call
        if call is not None and call.name and len(self._calls) < _CALLS_LIMIT:
            mark = base64.b64encode(part.thought_signature).decode() if part.thought_signature else ""
            self._calls.append(
                ToolCall(call.id or f"call-{len(self._calls) + 1}", call.name, _plain(call.args or {}), mark)
            )

    def _block(self, why: str) -> None:
        self.is_ended, self._end, self._why = True, End.BLOCKED, why


def _plain(arguments: dict[str, object]) -> dict[str, Json] | None:
    return parse_object(json.dumps(arguments))
