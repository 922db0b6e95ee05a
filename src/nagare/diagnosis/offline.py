"""Reasoning without a model: rules say what may be the cause, and the shipped guides what to do."""

from __future__ import annotations

from nagare.config.alert_rules.guides import find_guide
from nagare.diagnosis.advice import advised
from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.journal import read_journals
from nagare.diagnosis.leading import leading
from nagare.diagnosis.reasoning import Case, Reasoned
from nagare.diagnosis.rules.facts import Suspicion
from nagare.diagnosis.rules.weighing import suspect
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.finding import Hypothesis

NO_MODEL = "no model was used: rules and statistics found this"
FINDINGS_MOST = 8
# Pages are found within milliseconds, the first time within a second; a diagnosis does not wait longer for them.
PAGES_SECONDS = 1.5
_CONTEXT, _CONTEXT_MOST = ("changed", "anomalies", "neighbours", "neighbour_alerts", "changes", "deeds"), 3
_AGAINST_MOST = 3
_FOR_MOST = 8
_STEPS_HEADING = "## What to do"
_STEPS_MOST = 6
_STEP_LIMIT = 300


class OfflineReasoner:
    """Rules over what was seen; the same facts always give the same findings. ``pages_seconds`` bounds the knowledge base."""

    def __init__(self, pages_seconds: float = PAGES_SECONDS) -> None:
        """Keep the bound."""
        self._pages_seconds = pages_seconds

    async def reason(self, case: Case) -> Reasoned:
        """Return the likeliest causes of what was seen."""
        facts, hosts = case.gathered.facts, case.gathered.hosts
        found = suspect(facts, hosts)
        found += leading(facts, hosts, found)
        window = case.ground.window
        since_seconds = (window.until_ms - window.from_ms) // 1000
        journals = await read_journals(case.journal, found, since_seconds, case.ledger.redacted)
        found = [journals.told(one) for one in found]
        notes = [NO_MODEL, *journals.notes]
        if len(found) > FINDINGS_MOST:
            notes.append(f"{len(found) - FINDINGS_MOST} less likely causes are left out")
        findings = [_hypothesis(one, case.ledger) for one in found[:FINDINGS_MOST]]
        case.ledger.ids(journals.all)
        for host in (*hosts, ""):
            # Beside what findings cite: what changed, what was odd, and who is near.
            case.ledger.ids(one for tool in _CONTEXT for one in facts.of(host, tool)[:_CONTEXT_MOST])
        advice = await advised(case, findings, self._pages_seconds)
        return Reasoned(advice.findings, notes=(*notes, *advice.notes))


def _hypothesis(one: Suspicion, ledger: Ledger) -> Hypothesis:
    return Hypothesis(
        one.cause,
        ledger.shown(one.title, 200),
        one.host,
        one.confidence,
        one.severity,
        tuple(dict.fromkeys(ledger.ids(one.seen_for[:_FOR_MOST]))),
        tuple(dict.fromkeys(ledger.ids(one.seen_against[:_AGAINST_MOST]))),
        one.began_ms,
        ledger.shown(one.about, 120),
        ledger.shown(one.next_check, 300),
        one.proposal,
        steps_of(one.rule),
        one.rule if find_guide(one.rule) else "",
    )


def steps_of(rule: str) -> tuple[str, ...]:
    """Return what the guide of a shipped rule says to do, a step each; none where there is no guide."""
    page = find_guide(rule) if rule else None
    _, heading, rest = (page or "").partition(f"{_STEPS_HEADING}\n")
    if not heading:
        return ()
    steps: list[str] = []
    for line in rest.partition("\n## ")[0].splitlines():
        if line.startswith("- "):
            steps.append(line[2:].strip())
        elif line.strip() and steps:
            steps[-1] = f"{steps[-1]} {line.strip()}"
    return tuple(plain(step, _STEP_LIMIT) for step in steps[:_STEPS_MOST])
