"""An answer of chat completions, put together from its chunks as they come; a whole one counts as one chunk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from nagare.diagnosis.models.json_text import Json, as_count, as_list, as_object, as_text, parse_object
from nagare.diagnosis.models.provider import End, Hear, Reply, Tokens, ToolCall

_CALLS_LIMIT = 32
_ENDS = {"length": End.LENGTH, "content_filter": End.BLOCKED}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Chunks:
    """What came so far; ``reply`` is whole once ``is_ended``."""

    hear: Hear
    is_ended: bool = False
    tokens: Tokens | None = None
    model: str = ""
    _text: list[str] = field(default_factory=list)
    _refusal: list[str] = field(default_factory=list)
    _calls: list[_Call] = field(default_factory=list)
    # Which of the calls the chunks mean by an index.
    _places: dict[int, _Call] = field(default_factory=dict)
    _end: End = End.STOP

    def take(self, chunk: dict[str, Json]) -> None:
        """Take one chunk."""
        self.model = as_text(chunk.get("model")) or self.model
        usage = as_object(chunk.get("usage"))
        if usage:
            self.tokens = Tokens(as_count(usage.get("prompt_tokens")), as_count(usage.get("completion_tokens")))
        for choice in as_list(chunk.get("choices"))[:1]:
            self._choice(as_object(choice))

    def reply(self, model: str, tokens: Tokens) -> Reply:
        """Return the whole; ``model`` and ``tokens`` stand in for what was not told."""
        calls = tuple(_whole(call, number) for number, call in enumerate(self._calls, 1) if call.name)
        refusal = "".join(self._refusal)
        end = End.BLOCKED if refusal else self._end
        return Reply("".join(self._text), calls, self.tokens or tokens, end, refusal, self.model or model)

    def written(self) -> str:
        """Return all that the model wrote so far, to be weighed."""
        return "".join((*self._text, *self._refusal, *(call.name + call.arguments for call in self._calls)))

    def _choice(self, choice: dict[str, Json]) -> None:
        delta = as_object(choice.get("delta")) or as_object(choice.get("message"))
        if text := as_text(delta.get("content")):
            self._text.append(text)
            self.hear(text)
        if refusal := as_text(delta.get("refusal")):
            self._refusal.append(refusal)
        for call in as_list(delta.get("tool_calls")):
            self._call(as_object(call))
        if reason := as_text(choice.get("finish_reason")):
            self.is_ended = True
            self._end = _ENDS.get(reason, End.STOP)

    def _call(self, told: dict[str, Json]) -> None:
        function = as_object(told.get("function"))
        call = self._place(told)
        if call is None:
            return
        call.id = as_text(told.get("id")) or call.id
        call.name += as_text(function.get("name"))
        arguments = function.get("arguments")
        # Some local servers write the object itself where a text of it should stand.
        call.arguments += arguments if isinstance(arguments, str) else _dumped(arguments)

    def _place(self, told: dict[str, Json]) -> _Call | None:
        index = as_count(told.get("index"))
        found = self._places.get(index)
        # Ollama counts every call as the first one: another id is another call.
        is_other = found is not None and bool(as_text(told.get("id"))) and as_text(told.get("id")) != found.id
        if found is not None and not is_other:
            return found
        if len(self._calls) >= _CALLS_LIMIT:
            return None
        call = self._places[index] = _Call()
        self._calls.append(call)
        return call


def _dumped(arguments: Json) -> str:
    return "" if arguments is None else json.dumps(arguments)


def _whole(call: _Call, number: int) -> ToolCall:
    return ToolCall(call.id or f"call-{number}", call.name, parse_object(call.arguments or "{}"))
