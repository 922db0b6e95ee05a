"""The seam behind which models stand: one question with its turns, tools and schema; one answer that is heard as it comes.

A provider asks once: what it costs, when it is tried again and how long it may take are the business of ``metered``. To cancel,
cancel the task: the connection is closed, and the provider learns that nobody listens.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from nagare.diagnosis.models.json_text import Json

# Fewer bytes a token than any prose or numbers that were measured have: what is not known is taken to be dear.
_BYTES_OF_A_TOKEN = 3

Hear = Callable[[str], None]


def hear_nothing(_text: str) -> None:
    """Listen to no text while it comes."""


class End(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    # Its bound of tokens was reached; the text is cut.
    LENGTH = "length"
    # The provider refuses to say it: its own rules of safety.
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask for; ``parameters`` is a JSON Schema of an object."""

    name: str
    text: str
    parameters: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What the model asks for. ``arguments`` is None where they are no JSON object; ``mark`` is the provider's own, sent back as it is."""

    id: str
    name: str
    arguments: Mapping[str, Json] | None = field(default_factory=lambda: MappingProxyType({}))
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of ours: text."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A turn of the model: its text and what it asked for."""

    text: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A turn of ours: what the tools said to the calls of the turn before, each call with its text."""

    results: tuple[tuple[ToolCall, str], ...]


Turn = Said | Answered | Told


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. With a ``schema`` the answer is one JSON object of that form; tools and a schema never stand together."""

    system: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    schema: Mapping[str, Json] | None = None
    answer_tokens: int = 4096


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a prompt and of its answer, thinking included; ``is_estimate`` where the provider did not count them."""

    prompt: int = 0
    answer: int = 0
    is_estimate: bool = False

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.answer


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. ``why`` is the provider's word where it was blocked; ``model`` is the one that answered."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    tokens: Tokens = Tokens()
    end: End = End.STOP
    why: str = ""
    model: str = ""


class ModelProvider(Protocol):
    """One model of one provider; ``async with`` opens and closes its connections."""

    @property
    def model(self) -> str:
        """The model's name, as its provider knows it."""
        ...

    async def __aenter__(self) -> Self:
        """Read the secret and prepare. Raises ConfigError."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        ...

    async def answer(self, ask: Ask, hear: Hear = hear_nothing) -> Reply:
        """Ask once and return the whole answer; ``hear`` is told its text piece by piece as it comes.

        Raises RateLimitedError and UnavailableError for what may be tried again, ConfigError for what the provider will never do,
        BodyTooLargeError for an answer without end. None of them tells the secret.
        """
        ...


def estimated_tokens(text: str) -> int:
    """Return about how many tokens ``text`` has, rather too many than too few."""
    return math.ceil(len(text.encode(errors="replace")) / _BYTES_OF_A_TOKEN)


def text_of(ask: Ask) -> str:
    """Return everything of ``ask`` that leaves, as one text: what is previewed, logged and weighed."""
    parts = [ask.system, *(_turn_text(turn) for turn in ask.turns)]
    parts += [
        json.dumps({"tool": tool.name, "text": tool.text, "parameters": dict(tool.parameters)}) for tool in ask.tools
    ]
    if ask.schema is not None:
        parts.append(json.dumps({"schema": dict(ask.schema)}))
    return "\n\n".join(parts)


def _turn_text(turn: Turn) -> str:
    match turn:
        case Said(text):
            return text
        case Answered(text, calls):
            asked = [
                json.dumps({"call": call.name, "arguments": call.arguments and dict(call.arguments)}) for call in calls
            ]
            return "\n".join(filter(None, (text, *asked)))
        case Told(results):
            return "\n".join(f"[{call.name}] {text}" for call, text in results)
