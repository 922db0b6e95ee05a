"""A diagnosis as the answer pane tells it: the summary, findings with what speaks for and against them, what was struck out.

Everything is text with labels, states and glyphs, so that nothing is told by colour alone. Texts are foreign: made plain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from nagare.client.diagnosis_text import STAGES, command_of, readable
from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.alerts.rows import SEVERITY_STATES
from nagare.tui.diagnosis.rows import about_text, verdict_state
from nagare.tui.diagnosis.running import Failed, Running
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.renderables.time_axis import format_moment

if TYPE_CHECKING:
    from nagare.wire.diagnosis import DiagnosisView, FindingView

# An answer that is older is of how things were.
STALE_MS = 900_000
# Of the steps of a runbook, what is read before the page itself is opened.
_STEPS_MOST = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a label, a glyph's state, and a text; ``look`` is plain, strong, muted or struck. Without a text it is a gap."""

    label: str = ""
    text: str = ""
    state: str = ""
    look: str = "plain"


def answer_lines(view: DiagnosisView, now_ms: int, zone: tzinfo | None) -> Iterator[Line]:
    """Yield the lines of a diagnosis, the summary first."""
    yield Line("", f"{plain(view.verdict)}  {plain(view.summary)}", verdict_state(view.verdict), "strong")
    yield from _frame(view, now_ms, zone)
    if view.question:
        yield from (Line(), Line("asked", plain(view.question)))
        yield Line("answer", plain(view.answer) or "the evidence does not tell", look="strong")
    for number, one in enumerate(view.findings, 1):
        yield from _finding(number, one, now_ms, zone)
    if view.is_inconclusive:
        yield from (
            Line(),
            Line("", "inconclusive: something is wrong, and the evidence shows no cause", "unknown", "strong"),
        )
    elif not view.findings and view.verdict == "OK":
        yield from (Line(), Line("", "no finding: nothing that the rules know looks wrong"))
    if view.struck:
        yield from (Line(), Line("", "Struck out: these claims did not hold", "dropped", "strong"))
        for struck in view.struck:
            yield Line("", plain(struck.claim), look="struck")
            yield Line("", f"because {plain(struck.why)}", look="muted")
    yield from _rest(view)


def _frame(view: DiagnosisView, now_ms: int, zone: tzinfo | None) -> Iterator[Line]:
    asked_ms = moment_ms(view.asked_at) or now_ms
    age_ms = max(0, now_ms - asked_ms)
    window = f"{_clock(view.from_at, now_ms, zone)} to {_clock(view.until_at, now_ms, zone)}"
    yield Line("of", f"{about_text(view.host, view.alert)}, {window}, asked by {plain(view.asked_by)}", look="muted")
    if age_ms > STALE_MS:
        yield Line("age", f"as things were {format_seconds(age_ms // 1000)} ago; D asks anew", "stale")
    usage = view.usage
    if usage is None:
        yield Line("model", "no model was used")
    else:
        tokens = f"{usage.prompt_tokens} + {usage.answer_tokens} tokens"
        yield Line("model", f"{plain(usage.model)}: {tokens}, {usage.cost:.4f} US dollars, {usage.seconds:.1f} s")
    if view.rating is not None:
        word = f": {plain(view.rating.word)}" if view.rating.word else ""
        helped = "it helped" if view.rating.verdict == "up" else "it did not help"
        yield Line("rated", f"{helped}, said {plain(view.rating.rated_by)}{word}")


def _clock(text: str, now_ms: int, zone: tzinfo | None) -> str:
    at_ms = moment_ms(text)
    return plain(text) if at_ms is None else format_moment(at_ms, now_ms, zone)


def _finding(number: int, one: FindingView, now_ms: int, zone: tzinfo | None) -> Iterator[Line]:
    yield Line()
    state = SEVERITY_STATES[min(max(one.severity, 0), 3)]
    yield Line(str(number), f"{plain(one.title)}  {one.confidence:.0%} sure", state, "strong")
    since = f", since {_clock(one.began_at, now_ms, zone)}" if one.began_at else ""
    yield Line("cause", f"{plain(one.cause)} on {plain(one.host) or 'no host'}{since}", look="muted")
    yield Line("for", " ".join(map(plain, one.evidence_for)) or "nothing")
    if one.evidence_against:
        yield Line("against", " ".join(map(plain, one.evidence_against)))
    if one.next_check:
        yield Line("next", plain(one.next_check))
    if one.proposal is not None:
        yield Line("propose", f"{command_of(one.proposal)}  (p fills it in; nothing has run)", "pending")
    for place, step in enumerate(one.steps[:_STEPS_MOST]):
        yield Line("" if place else "steps", plain(step), look="muted")
    for book in one.runbooks:
        yield Line("runbook", f"{plain(book.evidence)} {plain(book.title)} ({plain(book.place)})")
        if book.outcome:
            yield Line("", f"it ended so: {plain(book.outcome)}", look="muted")
        yield from (Line("", plain(step), look="muted") for step in book.steps[:_STEPS_MOST])
    if one.guide:
        yield Line("guide", f"nagare rules guide {plain(one.guide)}", look="muted")


def _rest(view: DiagnosisView) -> Iterator[Line]:
    if view.notes:
        yield Line()
    for place, note in enumerate(view.notes):
        yield Line("" if place else "notes", plain(note), look="muted")
    yield Line("id", f"{plain(view.id)}, made in {view.seconds:.2f} s", look="muted")


def running_lines(running: Running, now_ms: int) -> Iterator[Line]:
    """Yield the lines of a diagnosis that is being made: its stages, and what models write."""
    seconds = max(0, now_ms - running.began_ms) // 1000
    yield Line("", f"looking into {running.about}, {seconds} s; Esc cancels", "started", "strong")
    if running.question:
        yield Line("asked", plain(running.question))
    yield Line()
    names = [name for name in STAGES if name != "model" or running.by_model]
    for name in names:
        yield _stage(name, running, names)
    if running.written:
        yield from (Line(), Line("", "what is being written, and not verified yet:", look="muted"))
    for asker, written in running.written.items():
        if told := readable(written):
            yield Line(asker, told)


def _stage(name: str, running: Running, names: list[str]) -> Line:
    if name == running.stage:
        return Line("", running.told(name), "started")
    is_over = running.stage in names and names.index(name) < names.index(running.stage)
    return Line("", running.told(name), "done" if is_over else "off", "plain" if is_over else "muted")


def failed_lines(failed: Failed) -> Iterator[Line]:
    """Yield the lines of a question that was not answered."""
    if failed.is_cancelled:
        yield Line("", f"cancelled: nobody looks into {failed.about} any more", "cancelled", "strong")
        yield Line("", "D asks again, Esc goes back", look="muted")
        return
    yield Line("", f"no answer about {failed.about}: {plain(failed.message)}", "failed", "strong")
    if failed.hint:
        yield Line("", plain(failed.hint))
    yield Line("", "D asks again, Esc goes back", look="muted")
