"""One investigator: asks the desk for evidence as long as it has steps, then answers in the form that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nagare.diagnosis.investigators.desk import Desk
from nagare.diagnosis.investigators.prompts import AGAIN, FINISH
from nagare.diagnosis.models.json_text import Json, find_object
from nagare.diagnosis.models.metered import Metered
from nagare.diagnosis.models.provider import Answered, Ask, End, Reply, Said, Told, Turn

# Of what it is asked in the form; a local model needs it more often than others.
_TRIES = 2
# A model that asks again and again for what is refused ends after so many rounds.
_ROUNDS_BEYOND_STEPS = 2


@dataclass(slots=True)
class Investigator:
    """Who asks: ``name`` for the log, ``system`` what it is told for good, ``schema`` the form of its answer."""

    name: str
    system: str
    metered: Metered
    schema: Mapping[str, Json]
    answer_tokens: int

    async def investigate(self, brief: str, desk: Desk) -> dict[str, Json] | None:
        """Return what it answers, None where it does not answer in the form. Raises what ``Metered.answer`` raises."""
        turns: list[Turn] = [Said(brief)]
        for _ in range(desk.step_limit + _ROUNDS_BEYOND_STEPS):
            functions = desk.functions
            if not functions:
                break
            reply = await self._ask(Ask(self.system, tuple(turns), functions, answer_tokens=self.answer_tokens))
            turns.append(Answered(reply.text, reply.calls))
            if not reply.calls or reply.end is End.BLOCKED:
                break
            turns.append(Told(tuple([(call, await desk.use(call)) for call in reply.calls])))
        return await self.conclude([*turns, Said(FINISH)])

    async def conclude(self, turns: list[Turn]) -> dict[str, Json] | None:
        """Return the answer in the form, None where there is none. Raises what ``Metered.answer`` raises."""
        for _ in range(_TRIES):
            reply = await self._ask(
                Ask(self.system, tuple(turns), schema=self.schema, answer_tokens=self.answer_tokens)
            )
            if reply.end is End.BLOCKED:
                return None
            if (told := find_object(reply.text)) is not None:
                return told
            turns = [*turns, Answered(reply.text), Said(AGAIN)]
        return None

    async def _ask(self, ask: Ask) -> Reply:
        return await self.metered.answer(self.name, ask)
