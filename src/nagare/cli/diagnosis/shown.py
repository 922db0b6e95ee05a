"""A diagnosis as people read it in a terminal: text behind the first line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nagare.cli.console.plugin import summary_line
from nagare.client.diagnosis_text import command_of
from nagare.lib.plain_text import plain, plain_lines
from nagare.wire.diagnosis import DiagnosisView, EvidenceView, FindingView, PromptList

_BESIDE, _BESIDE_MOST = frozenset({"change", "anomaly", "neighbour", "log", "audit", "event"}), 6


def text_lines(view: DiagnosisView, *, evidence_only: bool = False) -> Iterator[str]:
    """Yield the lines of a diagnosis in plain text, the summary first."""
    yield summary_line(view.verdict, view.summary, view.perfdata)
    by_id = {piece.id: piece for piece in view.evidence}
    if evidence_only:
        for piece in view.evidence:
            yield from _with_query(piece)
    else:
        yield from _answer(view)
        for number, finding in enumerate(view.findings, 1):
            yield from _finding(number, finding, by_id)
        if view.is_inconclusive:
            yield "inconclusive: something is wrong, and the evidence shows no cause"
            yield from (f"   {_told(piece)}" for piece in view.evidence)
        elif view.findings:
            yield from _beside(view)
    for struck in view.struck:
        yield f"struck out: {_struck(struck.claim)}: {plain(struck.why)}"
    for note in view.notes:
        yield f"note: {plain(note)}"
    if view.usage is not None:
        yield f"model {plain(view.usage.model)}: {view.usage.prompt_tokens} + {view.usage.answer_tokens} tokens, {view.usage.cost:.4f} US dollars"
    yield f"diagnosis {view.id}, {view.seconds:.2f} s"


def prompt_lines(prompts: PromptList) -> Iterator[str]:
    """Yield what would leave, to the letter but for what would steer a terminal."""
    to = f"to {plain(prompts.endpoint)}, model {plain(prompts.model)}" if prompts.model else "no model is configured"
    yield f"{to}; nothing was sent"
    for prompt in prompts.prompts:
        yield f"── {prompt.asker}"
        yield from plain_lines(prompt.text).splitlines()


def _answer(view: DiagnosisView) -> Iterator[str]:
    if view.question:
        yield f"asked    {plain(view.question)}"
        yield f"answer   {plain(view.answer) or 'the evidence does not tell'}"


def _finding(number: int, one: FindingView, by_id: Mapping[str, EvidenceView]) -> Iterator[str]:
    since = f", since {one.began_at}" if one.began_at else ""
    yield f"{number}. {plain(one.title)} ({one.cause} on {plain(one.host)}, {one.confidence:.0%} sure{since})"
    for word, ids in (("for", one.evidence_for), ("against", one.evidence_against)):
        for id_ in ids:
            yield f"   {word:8} {_told(by_id[id_]) if id_ in by_id else id_}"
            word = ""
    if one.next_check:
        yield f"   next     {plain(one.next_check)}"
    if one.proposal is not None:
        yield f"   propose  {command_of(one.proposal)}"
    for step in one.steps:
        yield f"   step     {plain(step)}"
    for book in one.runbooks:
        yield f"   runbook  {book.evidence} {plain(book.title)} ({plain(book.place)})"
        if book.outcome:
            yield f"   ended    {plain(book.outcome)}"
        yield from (f"   step     {plain(step)}" for step in book.steps)
    if one.guide:
        yield f"   guide    nagare rules guide {one.guide}"


def _beside(view: DiagnosisView) -> Iterator[str]:
    """Yield what was seen beside what findings cite: what changed, what was odd, who is near."""
    cited = {id_ for one in view.findings for id_ in (*one.evidence_for, *one.evidence_against)}
    left = [piece for piece in view.evidence if piece.kind in _BESIDE and piece.id not in cited]
    for place, piece in enumerate(left[:_BESIDE_MOST]):
        yield f"{'' if place else 'also':11} {_told(piece)}"
    if len(left) > _BESIDE_MOST:
        yield f"{'':11} {len(left) - _BESIDE_MOST} more: --evidence-only"


def _told(piece: EvidenceView) -> str:
    return f"{piece.id} {plain(piece.text)}" + (f" [{plain(piece.host)}]" if piece.host else "")


def _with_query(piece: EvidenceView) -> Iterator[str]:
    yield _told(piece)
    if piece.sql:
        given = " ".join(f"{name}={value!r}" for name, value in piece.params.items())
        yield f"   query {plain(piece.sql)}"
        if given:
            yield f"   with  {plain(given)}"


def _struck(text: str) -> str:
    # Struck through letter by letter, so that it is seen wherever there is no markup.
    return "".join(f"{letter}\u0336" for letter in plain(text))
