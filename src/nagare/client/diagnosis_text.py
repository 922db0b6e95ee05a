"""A diagnosis as text that leaves: Markdown for a ticket, a piece of evidence with its query, the command line of a proposal."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from nagare.lib.plain_text import plain
from nagare.wire.diagnosis import DiagnosisView, EvidenceView, ProposalView, StageLine

_TICK = "`"
# Of the form that models answer in, what is prose.
_PROSE = re.compile(r'"(?:title|next_check|answer)"\s*:\s*"((?:[^"\\]|\\.)*)')
_READABLE_LIMIT = 600
# Stages in the order in which they come, with what is told of each.
STAGES: Mapping[str, str] = MappingProxyType(
    {
        "waiting": "a turn at the server",
        "evidence": "evidence",
        "rules": "rules weigh it",
        "model": "model",
        "verifying": "every cited query is asked once more",
    }
)


def stage_text(line: StageLine) -> str:
    """Return how far a diagnosis is, in a few words."""
    name = STAGES.get(line.stage, plain(line.stage, 40))
    steps = f": {line.done} of {line.total} questions answered" if line.total else ""
    return f"{name}{steps}{' ' + plain(line.text, 80) if line.text else ''}"


def command_of(proposal: ProposalView) -> str:
    """Return the command line by which a person asks for the proposed action."""
    arguments = [f"{name}={value}" for name, value in proposal.arguments.items()]
    return plain(shlex.join(["nagare", "run", proposal.host, "--", proposal.action, *arguments]))


def evidence_text(piece: EvidenceView) -> str:
    """Return a piece of evidence with the query that has its figures, a line each."""
    where = f" [{plain(piece.host)}]" if piece.host else ""
    lines = [f"{piece.id} {plain(piece.text)}{where}"]
    lines += [f"from {piece.from_at} until {piece.until_at}"] if piece.from_at else []
    lines += [f"at {plain(piece.place)}"] if piece.place else []
    if piece.sql:
        lines.append(f"query {plain(piece.sql)}")
        given = " ".join(f"{name}={value!r}" for name, value in piece.params.items())
        lines += [f"with {plain(given)}"] if given else []
    return "\n".join(lines)


def readable(written: str) -> str:
    """Return what of ``written``, the begin of an answer in the form of models, a person reads: the end of its prose."""
    found = [_unescaped(text) for text in _PROSE.findall(written)]
    words = " · ".join(filter(None, found)) if found else written.partition("{")[0]
    told = plain(words.strip())
    return told if len(told) <= _READABLE_LIMIT else "…" + told[1 - _READABLE_LIMIT :]


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        # Its end has not come yet.
        return text.rpartition("\\")[0]


def markdown_lines(view: DiagnosisView) -> Iterator[str]:
    """Yield the lines of a diagnosis in Markdown."""
    yield f"# {view.verdict}: {_escaped(view.summary)}"
    yield ""
    if view.question:
        yield f"> {_escaped(view.question)}"
        yield ""
        yield _escaped(view.answer) or "The evidence does not tell."
        yield ""
    yield f"{view.from_at} to {view.until_at}, asked at {view.asked_at}, diagnosis {_TICK}{view.id}{_TICK}."
    for number, one in enumerate(view.findings, 1):
        yield ""
        yield f"## {number}. {_escaped(one.title)}"
        yield ""
        yield f"Cause {_TICK}{one.cause}{_TICK} on {_escaped(one.host)}, {one.confidence:.0%} sure" + (
            f", since {one.began_at}." if one.began_at else "."
        )
        yield ""
        yield f"- Evidence for: {', '.join(one.evidence_for)}"
        if one.evidence_against:
            yield f"- Evidence against: {', '.join(one.evidence_against)}"
        if one.next_check:
            yield f"- Next: {_escaped(one.next_check)}"
        if one.proposal is not None:
            yield f"- Proposed, not run: {_TICK}{command_of(one.proposal).replace(_TICK, '')}{_TICK}"
        yield from (f"- Step: {plain(step)}" for step in one.steps)
        for book in one.runbooks:
            yield f"- Runbook {book.evidence}: {_escaped(book.title)} ({_escaped(book.place)})"
            if book.outcome:
                yield f"  - It ended so: {_escaped(book.outcome)}"
            yield from (f"  - {_escaped(step)}" for step in book.steps)
    yield from _markdown_rest(view)


def _markdown_rest(view: DiagnosisView) -> Iterator[str]:
    if view.evidence:
        yield from ("", "## Evidence", "")
        for piece in view.evidence:
            yield f"- **{piece.id}** {_escaped(piece.text)} ({_escaped(piece.host)})"
    if view.struck:
        yield from ("", "## Struck out", "")
        yield from (f"- ~~{_escaped(struck.claim)}~~ {_escaped(struck.why)}" for struck in view.struck)
    if view.notes:
        yield from ("", "## Notes", "")
        yield from (f"- {_escaped(note)}" for note in view.notes)


def _escaped(text: str) -> str:
    """Return foreign text that Markdown takes as it stands."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#~|" else letter for letter in plain(text))
