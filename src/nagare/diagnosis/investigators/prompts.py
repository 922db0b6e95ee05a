"""What a model is told: our own words, which never hold any of the evidence, and a case, which stands between marks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from nagare.diagnosis.investigators.enclosed import Enclosure, line_of, moment
from nagare.diagnosis.investigators.roles import Role
from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.reasoning import Case, Earlier
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import Evidence
from nagare.model.diagnosis.finding import Hypothesis, ProposedAction

_GROUND_RULES = (
    "You help people who run computers to find out why something is wrong.",
    "Evidence has ids such as E7. Claim nothing that the evidence does not show: cite ids, and figures exactly as they stand there.",
    "Every number that you write must stand in the evidence that you cite. Whatever cannot be shown is struck out.",
    "A cause never begins after what it is to explain. Say what speaks against a cause, too.",
    "Where the evidence does not tell, say so: an empty list of hypotheses is a good answer.",
    "You can change nothing and must not ask for it. Write no commands and no addresses; a proposal is one of the ids offered, or empty.",
)
_CITATION = re.compile(r"\s*\[E\d+\]")
FINISH = "Now answer in the form that is asked for, with what you have seen."
AGAIN = "That was no JSON object of the form that is asked for. Answer again, with the JSON object alone."


def system(role: Role, enclosure: Enclosure) -> str:
    """Return what ``role`` is told for good."""
    return "\n".join((*_GROUND_RULES, role.text, enclosure.rule()))


def coordinator_system(enclosure: Enclosure) -> str:
    """Return what the one who weighs is told for good."""
    task = (
        "Investigators looked at one side of the case each, and rules at all of it. Weigh what they say against the evidence:"
        " what is the cause, what only its effect. Agreement of several on one piece of evidence counts once."
    )
    return "\n".join((*_GROUND_RULES, task, enclosure.rule()))


def brief(
    case: Case, floor: Sequence[Hypothesis], proposals: Mapping[str, ProposedAction], enclosure: Enclosure
) -> str:
    """Return the case as it stands before anybody looked closer. What is asked stands outside of the marks: its asker is ours."""
    window, scope = case.ground.window, case.scope
    lines = [
        f"The time looked at is {moment(window.from_ms)} to {moment(window.until_ms)}.",
        f"The question is about {_subject(case)}.",
    ]
    if scope.question:
        lines.append(f"Asked in words: {json.dumps(plain(scope.question), ensure_ascii=False)}")
    if case.history:
        lines += ["Said before:", enclosure.around(map(_earlier_line, case.history))]
    shown = [line_of(piece) for piece in case.ledger.evidence]
    lines += ["Evidence so far:", enclosure.around(shown)]
    lines += ["What rules suspect:", enclosure.around(map(hypothesis_line, floor))]
    if proposals:
        lines += ["What may be proposed:", enclosure.around(_proposal_line(*one) for one in proposals.items())]
    return "\n".join(lines)


def weighing(evidence: Iterable[Evidence], opinions: Mapping[str, Sequence[Hypothesis]], enclosure: Enclosure) -> str:
    """Return what the investigators found, for the one who weighs."""
    lines = ["All evidence:", enclosure.around(map(line_of, evidence))]
    for name, findings in opinions.items():
        lines += [f"What the investigator of {name} suspects:", enclosure.around(map(hypothesis_line, findings))]
    return "\n".join([*lines, FINISH])


def hypothesis_line(one: Hypothesis) -> str:
    """Return a hypothesis as one line of JSON."""
    told: dict[str, Json] = {
        "cause": one.cause,
        "title": one.title,
        "host": one.host,
        "confidence": one.confidence,
        "evidence_for": list(one.evidence_for),
        "evidence_against": list(one.evidence_against),
    }
    return plain(json.dumps(told, ensure_ascii=False))


def _earlier_line(one: Earlier) -> str:
    # Its citations are of other evidence.
    answer = _CITATION.sub("", one.answer)
    return plain(json.dumps({"question": one.question, "answer": answer}, ensure_ascii=False))


def _proposal_line(id_: str, proposal: ProposedAction) -> str:
    told = {"id": id_, "action": proposal.action, "arguments": dict(proposal.arguments), "host": proposal.host}
    return plain(json.dumps(told, ensure_ascii=False))


def _subject(case: Case) -> str:
    if case.scope.host:
        return f"host {json.dumps(case.scope.host)}"
    return f"alert {json.dumps(case.scope.alert_id)}" if case.scope.alert_id else "the whole fleet"
