"""The desk at which one investigator asks for evidence: a few tools that read, each question once, so many and no more.

Nothing that a model says reaches further than this: there is no tool that changes anything, and none can be added by words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.evidence.seen import Ground, Seen, Tool
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.investigators.enclosed import Enclosure, line_of
from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.provider import Tool as Function
from nagare.diagnosis.models.provider import ToolCall
from nagare.errors import NagareError
from nagare.lib.plain_text import plain

# Of one answer: what a person would still read, and about four thousand tokens.
PIECES_MOST = 20
_LINES_LIMIT = 12_000
_MINUTE_MS = 60_000
_ARGUMENTS: Mapping[str, Json] = {
    "host": {"type": "string", "description": "only of this host; empty for all"},
    "about": {
        "type": "string",
        "description": "only of components whose name contains this; of passages, what they are about",
    },
    "minutes": {"type": "integer", "description": "only of the last minutes of the window; 0 for all of it"},
}


@dataclass(slots=True)
class Desk:
    """What one investigator may ask. ``step_limit`` counts every call, also one that is refused."""

    ground: Ground
    ledger: Ledger
    tools: Mapping[str, Tool]
    step_limit: int
    enclosure: Enclosure
    steps: int = 0
    # What was refused, for the notes.
    refused: int = 0
    _asked: set[str] = field(default_factory=set)

    @property
    def functions(self) -> tuple[Function, ...]:
        """The tools as the model is offered them; none once no step is left."""
        if self.steps >= self.step_limit:
            return ()
        return tuple(Function(name, tool.text, _parameters(tool)) for name, tool in self.tools.items())

    async def use(self, call: ToolCall) -> str:
        """Return what is told to ``call``: evidence, or why there is none."""
        self.steps += 1
        fault = self._fault(call)
        if fault:
            self.refused += 1
            return f"refused: {fault}"
        self._asked.add(_key(call))
        arguments = call.arguments or {}
        try:
            seen = await self.tools[call.name].look(self._ground_of(arguments))
        except NagareError as error:
            return f"could not be looked at: {plain(error.message, 200)}"
        return self._told(seen if self.tools[call.name].is_search else _about(seen, arguments))

    def _fault(self, call: ToolCall) -> str:
        tool = self.tools.get(call.name)
        if self.steps > self.step_limit:
            return "no more evidence can be asked for; answer with what there is"
        if tool is None:
            return f"there is no such tool; there are {', '.join(self.tools)}"
        if not _is_lawful(call.arguments):
            return "the arguments must be one JSON object of host, about (texts) and minutes (a whole number)"
        if _key(call) in self._asked:
            return "this was asked already with the same arguments; its answer stands above"
        return self._fault_of_tool(tool, call.arguments or {})

    def _fault_of_tool(self, tool: Tool, arguments: Mapping[str, Json]) -> str:
        if not self.ground.asker.sees(tool.table):
            return "that table is not to be seen"
        if tool.is_detail and not self._ground_of(arguments).host:
            return "name a host: this is told of one host at a time"
        if tool.is_search and not arguments.get("about"):
            return "say in `about` what is looked for"
        return ""

    def _ground_of(self, arguments: Mapping[str, Json]) -> Ground:
        window, minutes = self.ground.window, arguments.get("minutes")
        if isinstance(minutes, int) and minutes > 0:
            window = Window(max(window.from_ms, window.until_ms - minutes * _MINUTE_MS), window.until_ms)
        host, about = str(arguments.get("host") or self.ground.host), str(arguments.get("about") or "")
        return replace(self.ground, host=host, window=window, about=about)

    def _told(self, seen: Sequence[Seen]) -> str:
        if not seen:
            return "nothing was seen"
        chosen = seen if len(seen) <= PIECES_MOST else [one for one in seen if one.is_bad]
        if len(chosen) > PIECES_MOST:
            return self._narrower(f"{len(chosen)} things stand out")
        if not chosen:
            return f"{len(seen)} things were seen and none stands out; name a host or `about` to see them"
        pieces = [piece for one in chosen if (piece := self.ledger.add(one.draft())) is not None]
        if not pieces:
            return "refused: there is no room for more evidence; answer with what there is"
        lines = [line_of(piece) for piece in pieces]
        if sum(map(len, lines)) > _LINES_LIMIT:
            return self._narrower("it is too long")
        return self.enclosure.around(lines)

    def _narrower(self, cause: str) -> str:
        self.refused += 1
        return f"refused: {cause}, and at most {PIECES_MOST} are told; ask again for one host, for `about` a component, or for fewer minutes"


def _parameters(tool: Tool) -> Mapping[str, Json]:
    required: list[Json] = ["host"] if tool.is_detail else ["about"] if tool.is_search else []
    return {"type": "object", "properties": dict(_ARGUMENTS), "required": required}


def _is_lawful(arguments: Mapping[str, Json] | None) -> bool:
    if arguments is None or not arguments.keys() <= _ARGUMENTS.keys():
        return False
    minutes = arguments.get("minutes", 0)
    texts = (arguments.get("host", ""), arguments.get("about", ""))
    is_number = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 <= minutes <= 10**6
    return is_number and all(isinstance(text, str) and len(text) <= 253 for text in texts)


def _key(call: ToolCall) -> str:
    # What says nothing is no other question.
    told = {name: value for name, value in (call.arguments or {}).items() if value not in ("", 0, None)}
    return json.dumps([call.name, told], sort_keys=True)


def _about(seen: Sequence[Seen], arguments: Mapping[str, Json]) -> list[Seen]:
    wanted = str(arguments.get("about") or "").casefold()
    return [one for one in seen if wanted in one.draft().about.casefold()] if wanted else list(seen)
