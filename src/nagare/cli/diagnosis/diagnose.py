"""``nagare diagnose``: what is wrong, why, and what to do; it answers as a monitoring plugin."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.console.plugin import EXITS, stop_telling
from nagare.cli.diagnosis.progress import followed
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.diagnosis import DiagnoseRequest, DiagnosisView, PromptList, RatingRequest

app = typer.Typer(add_completion=False)
# Longer than the server takes for its own deadlines of either kind, unless they were changed.
_RULES_SECONDS, _LOGS_SECONDS, _MODEL_SECONDS = 10.0, 30.0, 600.0
_LEAST_SECONDS, _MOST_SECONDS = 60.0, 31 * 86400.0


class Form(StrEnum):
    """How a diagnosis is told."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def _complete_form(incomplete: str) -> list[str]:
    return [form for form in Form if form.startswith(incomplete)]


Host = Annotated[str, typer.Argument(metavar="HOST", help="One host; the whole fleet without it.")]
Alert = Annotated[str, typer.Option("--alert", metavar="ID", help="What is behind this alert.")]
Since = Annotated[str, typer.Option("--since", metavar="WHEN", help="How far back to look: 1h, 14:05.")]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FORM", help="table, json or markdown.", autocompletion=_complete_form)
]
EvidenceOnly = Annotated[
    bool, typer.Option("--evidence-only", help="Ask no model; show every piece of evidence with its query.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Go on, and tell when something changes.")]
Every = Annotated[float, typer.Option("--every", metavar="SECONDS", min=1, max=3600, help="Pause of --watch.")]
Deadline = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=0.1,
        max=7200,
        help="How long to wait for the answer: 10, with --logs 30, with a model 600.",
    ),
]
Model = Annotated[
    bool, typer.Option("--model/--no-model", help="Ask the configured model too; nothing leaves without it.")
]
Ask = Annotated[str, typer.Option("--ask", metavar="TEXT", help="A question in words, which the model answers.")]
Logs = Annotated[
    bool,
    typer.Option("--logs", help="Read the journals of suspected units too: a command of yours on each of their hosts."),
]
After = Annotated[
    str,
    typer.Option(
        "--after", metavar="ID", help="Go on with the conversation of this diagnosis; its first characters will do."
    ),
]
Rate = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--rate",
        metavar="ID up|down",
        help="Say whether that diagnosis helped; it is kept with it, and nothing is asked.",
    ),
]
Word = Annotated[str, typer.Option("--word", metavar="TEXT", help="With --rate: why, in a few words.")]
ShowPrompt = Annotated[
    bool, typer.Option("--show-prompt", help="Show what the model would be told first, and send nothing.")
]


@app.command()
def diagnose(
    context: typer.Context,
    host: Host = "",
    alert: Alert = "",
    since: Since = "1h",
    output: Output = "",
    evidence_only: EvidenceOnly = False,
    logs: Logs = False,
    model: Model = False,
    ask: Ask = "",
    after: After = "",
    show_prompt: ShowPrompt = False,
    rate: Rate = None,
    word: Word = "",
    watch: Watch = False,
    every: Every = 30.0,
    timeout: Deadline = None,
) -> None:
    """Say what is wrong, why, and what to do, with the evidence for it.

    The first line is that of a monitoring plugin, and so is the status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. Whatever
    keeps it from an answer is 3 too. What might help is proposed, never run; --logs alone runs anything, and that only reads.

    Examples:
      nagare diagnose
      nagare diagnose web1 --since 6h
      nagare diagnose --alert 3f2a9c0d -o markdown
      nagare diagnose web1 --ask "could the deploy be the cause?"
      nagare diagnose --rate 3f2a9c0d down --word "it was the deploy"
    """
    if watch:
        _check_watched(model=model or bool(ask), logs=logs)
    invocation = invocation_of(context)
    form = _form(invocation, output)
    request = _request(host, alert, since, evidence_only=evidence_only, model=model, question=ask, logs=logs)
    settings, told, is_read = invocation.settings, "", True
    by_model = model or bool(ask)
    seconds = timeout or (_MODEL_SECONDS if by_model else _LOGS_SECONDS if logs else _RULES_SECONDS)
    settings = replace(settings, client=replace(settings.client, deadline_seconds=seconds))

    async def whole(client: Client) -> DiagnoseRequest:
        return await _whole(client, request, alert, after)

    async def once(client: Client) -> DiagnosisView:
        from nagare.client.diagnoses import DiagnosisCalls

        if by_model:
            return await followed(client, await whole(client), is_quiet=invocation.is_quiet)
        return await DiagnosisCalls(client).diagnose(await whole(client))

    if rate is not None:
        rating = _rating(rate[1], word)
        _write_rated(call(settings, lambda client: _rate(client, rate[0], rating)))
        return
    if show_prompt:
        _show_prompt(call(settings, lambda client: _preview(client, whole)), form)
        return
    while True:
        view = call(settings, once, is_lean=not by_model)
        if (news := f"{view.verdict} {view.host} {[one.cause for one in view.findings]}") != told:
            told = news
            is_read = _write(view, form, evidence_only=evidence_only)
        if not watch or not is_read:
            raise typer.Exit(EXITS[view.verdict])
        _pause(every)


def _check_watched(*, model: bool, logs: bool) -> None:
    if model:
        raise InputError("cannot diagnose: --watch would ask the model again and again", hint="watch without a model")
    if logs:
        raise InputError("cannot diagnose: --watch would read journals again and again", hint="watch without --logs")


def _form(invocation: Invocation, output: str) -> Form:
    if not output:
        return Form.JSON if invocation.output in (OutputFormat.JSON, OutputFormat.NDJSON) else Form.TABLE
    try:
        return Form(output)
    except ValueError:
        raise InputError(
            f"cannot write output as {output!r}: there is no such form", hint=f"use one of {', '.join(Form)}"
        ) from None


def _request(
    host: str, alert: str, since: str, *, evidence_only: bool, model: bool, question: str, logs: bool
) -> DiagnoseRequest:
    from nagare.lib.clock import SystemClock
    from nagare.wire.diagnosis import DiagnoseRequest

    if host and alert:
        raise InputError("cannot diagnose: name a host or an alert, not both")
    seconds = (SystemClock().now_ms() - parse_moment(since)) / 1000
    if not _LEAST_SECONDS * 0.99 <= seconds <= _MOST_SECONDS * 1.01:
        raise InputError(f"cannot look back to {since}: from a minute to 31 days are lawful")
    bounded = min(max(seconds, _LEAST_SECONDS), _MOST_SECONDS)
    if evidence_only and (model or question):
        raise InputError("cannot diagnose: --evidence-only asks no model, --model and --ask do")
    return DiagnoseRequest(host, alert, bounded, evidence_only=evidence_only, model=model, question=question, logs=logs)


async def _whole(client: Client, request: DiagnoseRequest, alert: str, after: str) -> DiagnoseRequest:
    """Return ``request`` with the whole ids of ``alert`` and ``after``, of which the first characters were given."""
    from nagare.cli.alerts.choice import whole_id
    from nagare.client.diagnoses import DiagnosisCalls
    from nagare.wire.diagnosis import DiagnoseRequest

    whole_alert = await _whole_alert(client, alert) if alert else ""
    known = [one.id for one in await DiagnosisCalls(client).diagnoses(1000)] if after else []
    return DiagnoseRequest(
        request.host,
        whole_alert,
        request.since_seconds,
        evidence_only=request.evidence_only,
        model=request.model,
        question=request.question,
        after=whole_id("diagnosis", after, known) if after else "",
        logs=request.logs,
    )


def _rating(verdict: str, word: str) -> RatingRequest:
    from nagare.wire.diagnosis import RatingRequest

    if verdict not in ("up", "down"):
        raise InputError(f"cannot rate diagnosis {verdict[:40]!r}: it is up where it helped, down where not")
    return RatingRequest("up" if verdict == "up" else "down", word)


async def _rate(client: Client, start: str, rating: RatingRequest) -> DiagnosisView:
    from nagare.cli.alerts.choice import whole_id
    from nagare.client.diagnoses import DiagnosisCalls

    calls = DiagnosisCalls(client)
    id_ = whole_id("diagnosis", start, [one.id for one in await calls.diagnoses(1000)])
    return await calls.rate(id_, rating)


def _write_rated(view: DiagnosisView) -> None:
    from nagare.cli.console.diagnostics import note

    verdict = "" if view.rating is None else view.rating.verdict
    note(f"nagare: diagnosis {view.id[:8]} is rated {verdict}")


async def _preview(client: Client, whole: Callable[[Client], Awaitable[DiagnoseRequest]]) -> PromptList:
    from nagare.client.diagnoses import DiagnosisCalls

    return await DiagnosisCalls(client).preview(await whole(client))


def _show_prompt(prompts: PromptList, form: Form) -> None:
    from nagare.cli.alerts.shown import document_of
    from nagare.cli.console.output import write_document
    from nagare.cli.diagnosis.shown import prompt_lines

    if form is Form.JSON:
        write_document(document_of(prompts))
    else:
        sys.stdout.writelines(f"{line}\n" for line in prompt_lines(prompts))


async def _whole_alert(client: Client, start: str) -> str:
    from nagare.cli.alerts.choice import whole_id
    from nagare.client.alerts import AlertCalls

    known = [one.id for one in await AlertCalls(client).alerts(1000)]
    return whole_id("alert", start, known)


def _write(view: DiagnosisView, form: Form, *, evidence_only: bool) -> bool:
    """Tell the diagnosis; return whether somebody reads. Who stops after the first line wants the status all the same."""
    try:
        _write_whole(view, form, evidence_only=evidence_only)
    except BrokenPipeError:
        stop_telling()
        return False
    return True


def _write_whole(view: DiagnosisView, form: Form, *, evidence_only: bool) -> None:
    from nagare.cli.alerts.shown import document_of
    from nagare.cli.console.output import write_document
    from nagare.cli.diagnosis.shown import text_lines
    from nagare.client.diagnosis_text import markdown_lines

    match form:
        case Form.JSON:
            write_document(document_of(view))
        case Form.MARKDOWN:
            sys.stdout.writelines(f"{line}\n" for line in markdown_lines(view))
        case Form.TABLE:
            sys.stdout.writelines(f"{line}\n" for line in text_lines(view, evidence_only=evidence_only))
    sys.stdout.flush()


def _pause(seconds: float) -> None:
    import asyncio

    from nagare.lib.clock import SystemClock

    asyncio.run(SystemClock().sleep(seconds))
