"""Several investigators side by side and one who weighs what they say; or one alone. The rules always answer first.

Whatever goes wrong with a model costs what it would have added, and nothing of what the rules found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.evidence.seen import Tool
from nagare.diagnosis.evidence.tools import TOOLS
from nagare.diagnosis.investigators.claims import Claimed, Ground, claimed, likeliest
from nagare.diagnosis.investigators.desk import Desk
from nagare.diagnosis.investigators.enclosed import Enclosure
from nagare.diagnosis.investigators.form import schema
from nagare.diagnosis.investigators.investigator import Investigator
from nagare.diagnosis.investigators.merging import merged
from nagare.diagnosis.investigators.passages import passage_tool
from nagare.diagnosis.investigators.prompts import brief, coordinator_system, system, weighing
from nagare.diagnosis.investigators.roles import Role, shared_out
from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.metered import Metered
from nagare.diagnosis.models.provider import Ask, Said
from nagare.diagnosis.reasoning import Case, Reasoned
from nagare.diagnosis.rules.table import CAUSES
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.finding import Hypothesis, ProposedAction
from nagare.model.event import Severity

COORDINATOR = "coordinator"


@dataclass(slots=True)
class _Opinion:
    """What one investigator said, and what is to be told of it."""

    name: str
    claims: Claimed = field(default_factory=Claimed)
    notes: list[str] = field(default_factory=list)


class Coordinator:
    """Works on one case through one ``metered`` model; the rules found ``floor`` already."""

    def __init__(self, case: Case, floor: Reasoned, metered: Metered, settings: DiagnosisSettings) -> None:
        """Prepare; nothing leaves yet."""
        self._case = case
        self._floor = floor
        self._metered = metered
        self._settings = settings
        self._enclosure = Enclosure()
        self._proposals = offered(floor.findings)
        self._schema: Mapping[str, Json] = schema(list(CAUSES), list(self._proposals))

    async def run(self) -> Reasoned:
        """Return what rules and model found together."""
        shares = _shares(self._case, self._settings)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._opinion(*share), name=f"investigate-{share[0].name}") for share in shares]
        opinions = [task.result() for task in tasks]
        final = opinions[0] if len(opinions) == 1 else await self._weigh(opinions)
        struck = tuple(dict.fromkeys(one for opinion in [*opinions, final] for one in opinion.claims.struck))
        notes = tuple(dict.fromkeys(note for opinion in [*opinions, final] for note in opinion.notes))
        findings = merged(self._floor.findings, final.claims.findings)
        return Reasoned(findings, (*self._floor.struck, *struck), notes, answer=final.claims.answer)

    async def _opinion(self, role: Role, tools: Mapping[str, Tool]) -> _Opinion:
        opinion = _Opinion(role.name)
        desk = self._desk(tools)
        investigator = self._investigator(role.name, system(role, self._enclosure))
        try:
            told = await investigator.investigate(self._brief(), desk)
        except NagareError as error:
            opinion.notes.append(plain(f"the investigator of {role.name} did not come to an end: {error.message}", 400))
            return opinion
        self._take(opinion, told)
        if desk.refused:
            opinion.notes.append(f"calls of the investigator of {role.name} that were refused: {desk.refused}")
        return opinion

    async def _weigh(self, opinions: Sequence[_Opinion]) -> _Opinion:
        final = _Opinion(COORDINATOR)
        found = {one.name: one.claims.findings for one in opinions if one.claims.findings}
        words = [one.claims.answer for one in opinions if one.claims.answer]
        if not found and not words:
            return final
        text = weighing(self._case.ledger.evidence, found, self._enclosure)
        investigator = self._investigator(COORDINATOR, coordinator_system(self._enclosure))
        try:
            told = await investigator.conclude([Said(f"{self._brief()}\n{text}")])
        except NagareError as error:
            # What the investigators found stands without it.
            final.notes.append(plain(f"nobody weighed what the investigators found: {error.message}", 400))
            findings = likeliest(one for claims in found.values() for one in claims)
            final.claims = Claimed(tuple(findings), (), next(iter(words), ""))
            return final
        self._take(final, told)
        return final

    def _take(self, opinion: _Opinion, told: Mapping[str, Json] | None) -> None:
        if told is None:
            opinion.notes.append(f"{opinion.name} gave no answer in the form that was asked for")
        else:
            opinion.claims = claimed(told, self._ground())

    def _ground(self) -> Ground:
        evidence = {piece.id: piece for piece in self._case.ledger.evidence}
        severities: dict[str, Severity] = {}
        for one in self._floor.findings:
            severities[one.host] = max(one.severity, severities.get(one.host, Severity.INFO))
        return Ground(evidence, frozenset(CAUSES), self._proposals, severities)

    def _desk(self, tools: Mapping[str, Tool]) -> Desk:
        return Desk(self._case.ground, self._case.ledger, tools, self._settings.step_limit, self._enclosure)

    def _investigator(self, name: str, told: str) -> Investigator:
        return Investigator(name, told, self._metered, self._schema, self._settings.answer_tokens)

    def _brief(self) -> str:
        return brief(self._case, self._floor.findings, self._proposals, self._enclosure)


def first_asks(case: Case, floor: Reasoned, settings: DiagnosisSettings) -> list[tuple[str, Ask]]:
    """Return what would be asked at first, by who asks; what the tools answer would follow."""
    enclosure = Enclosure()
    words = brief(case, floor.findings, offered(floor.findings), enclosure)
    found = []
    for role, tools in _shares(case, settings):
        desk = Desk(case.ground, case.ledger, tools, settings.step_limit, enclosure)
        found.append((role.name, Ask(system(role, enclosure), (Said(words),), desk.functions)))
    return found


def _shares(case: Case, settings: DiagnosisSettings) -> list[tuple[Role, dict[str, Tool]]]:
    seen = [tool for tool in TOOLS.values() if case.ground.asker.sees(tool.table)]
    if case.search is not None:
        seen.append(passage_tool(case.search))
    return shared_out(seen, many=settings.investigators == "many")


def offered(floor: Sequence[Hypothesis]) -> dict[str, ProposedAction]:
    """Return what may be proposed, by id: what the rules would propose themselves, with arguments and all. Nothing else can be."""
    found = dict.fromkeys(_frozen(one.proposal) for one in floor if one.proposal is not None)
    return {f"P{number}": _thawed(*one) for number, one in enumerate(found, 1)}


def _frozen(proposal: ProposedAction) -> tuple[str, tuple[tuple[str, str], ...], str]:
    return proposal.action, tuple(sorted(proposal.arguments.items())), proposal.host


def _thawed(action: str, arguments: tuple[tuple[str, str], ...], host: str) -> ProposedAction:
    return ProposedAction(action, dict(arguments), host)
