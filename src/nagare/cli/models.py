"""``nagare models``: whether the configured one works, what was said to models, what it cost, and forgetting it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.alerts.choice import whole_id
from nagare.cli.alerts.shown import SHORT, document_of, write_documents
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.exit_codes import BAD
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.models import ModelCalls
    from nagare.wire.models import ExchangeView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("id", "at", "diagnosis", "asked_by", "asker", "model", "outcome", "tokens", "cost", "seconds", "verdict")
_TIMES = ("", "TIMESTAMP", "", "", "", "", "", "", "", "", "")
# Who means an older one takes its whole id.
_LOOKED_AT = 1000

Diagnosis = Annotated[str, typer.Option("--diagnosis", metavar="ID", help="Only of this diagnosis; its whole id.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Exchanges at the most.")]
Deadline = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=1, max=3600, help="How long to wait for the answer.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The exchange; the first characters of its id will do.")]


@app.callback()
def models(context: typer.Context) -> None:
    """Check the configured model, see what was said to models and by them, and forget it.

    Without a verb it lists the newest exchanges.

    Examples:
      nagare models
      nagare models check
      nagare models show 3f2a9c0d
      nagare models forget --diagnosis 0b7f6c1e000040008000000000000001
    """
    if context.invoked_subcommand is None:
        list_exchanges(context)


@app.command("log")
def list_exchanges(context: typer.Context, diagnosis: Diagnosis = "", limit: Limit = 50) -> None:
    """List exchanges with models, the newest first: who asked, which model, tokens, cost in US dollars, and what was made of it.

    Example:
      nagare models log -n 500 -o csv
    """
    from nagare.client.models import ModelCalls

    invocation = invocation_of(context)
    found = call(invocation.settings, lambda client: ModelCalls(client).exchanges(limit, diagnosis))
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(one) for one in found], _TIMES))
    else:
        write_documents(invocation, found)


@app.command()
def check(context: typer.Context, timeout: Deadline = 120.0) -> None:
    """Ask the configured model two short questions: whether it answers, calls tools and keeps to a form.

    The exit status is 1 where it does not do both. It costs what the questions cost.

    Example:
      nagare models check
    """
    from nagare.client.models import ModelCalls

    invocation = invocation_of(context)
    settings = replace(invocation.settings, client=replace(invocation.settings.client, deadline_seconds=timeout))
    made = call(settings, lambda client: ModelCalls(client).check())
    if invocation.format is OutputFormat.TABLE:
        rows = [(name, value) for name, value in document_of(made).items()]
        write_rows(invocation, Rows(("property", "value"), rows))
    else:
        write_document(document_of(made))
    if not (made.calls_tools and made.keeps_form):
        raise typer.Exit(BAD)


@app.command()
def show(context: typer.Context, exchange_id: Id) -> None:
    """Show an exchange, whole: all that left, and all that came back.

    Example:
      nagare models show 3f2a9c0d
    """
    from nagare.client.models import ModelCalls

    invocation = invocation_of(context)

    async def fetch(client: Client) -> ExchangeView:
        calls = ModelCalls(client)
        return await calls.exchange(await _whole(calls, exchange_id))

    found = call(invocation.settings, fetch)
    if invocation.format is OutputFormat.TABLE:
        _write_texts(found)
    else:
        write_document(document_of(found))


@app.command()
def forget(
    context: typer.Context,
    exchange_id: Annotated[str, typer.Argument(metavar="[ID]", help="The exchange.")] = "",
    diagnosis: Diagnosis = "",
) -> None:
    """Forget an exchange, or all of a diagnosis. The audit log tells that it was forgotten, and by whom.

    Examples:
      nagare models forget 3f2a9c0d
      nagare models forget --diagnosis 0b7f6c1e000040008000000000000001
    """
    from nagare.client.models import ModelCalls

    if bool(exchange_id) == bool(diagnosis):
        raise InputError("cannot forget exchanges: name one, or a diagnosis")
    invocation = invocation_of(context)

    async def remove(client: Client) -> int:
        calls = ModelCalls(client)
        if diagnosis:
            return await calls.forget_all(diagnosis)
        await calls.forget(await _whole(calls, exchange_id))
        return 1

    count = call(invocation.settings, remove)
    if not invocation.is_quiet:
        note(f"nagare: forgot {count} {'exchange' if count == 1 else 'exchanges'}")


async def _whole(calls: ModelCalls, start: str) -> str:
    return whole_id("exchange", start, [one.id for one in await calls.exchanges(_LOOKED_AT)])


def _row(one: ExchangeView) -> tuple[object, ...]:
    tokens = f"{'~' if one.is_estimate else ''}{one.prompt_tokens}+{one.answer_tokens}"
    return (
        one.id[:SHORT],
        one.at,
        one.diagnosis[:SHORT],
        one.asked_by,
        one.asker,
        one.model,
        one.outcome,
        tokens,
        f"{one.cost:.4f}",
        f"{one.seconds:.1f}",
        one.verdict or one.why,
    )


def _write_texts(one: ExchangeView) -> None:
    from nagare.lib.plain_text import plain_lines

    typer.echo(f"{one.at}  {one.asker} asked {one.model} for {one.asked_by} ({one.outcome})")
    typer.echo(f"{one.prompt_tokens} + {one.answer_tokens} tokens, {one.cost:.4f} US dollars, {one.seconds:.1f} s")
    for title, text in (
        ("what left", one.prompt),
        ("what came back", one.answer),
        ("why", one.why),
        ("verdict", one.verdict),
    ):
        if text:
            typer.echo(f"\n── {title}\n{plain_lines(text)}")
