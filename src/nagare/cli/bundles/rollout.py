"""``nagare bundle rollout``: a version that goes to hosts in waves, while they stay well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import ConflictError, InputError
from nagare.lib.units import parse_duration

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.rollouts import RolloutView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("id", "version", "state", "wave", "hosts", "installed", "failed", "waiting", "started_at", "reason")
_TYPES = ("", "", "", "", "", "", "", "", "TIMESTAMP", "")
_NAMED_LIMIT = 5
Id = Annotated[str, typer.Argument(metavar="[ID]", help="The rollout; the open one unless named.")]


@app.callback()
def rollout(context: typer.Context) -> None:
    """Start, watch, pause, resume and abort rollouts.

    Canaries come first. When they are up with the new version and stay well for the time of the gate, the next wave
    follows; where one fails, the rollout pauses with the reason and the host goes back to its old version.

    Examples:
      nagare bundle rollout start 0.2.0 --canary web1
      nagare bundle rollout
    """
    if context.invoked_subcommand is None:
        status(context)


@app.command()
def start(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A published version.")],
    canary: Annotated[list[str] | None, typer.Option("--canary", metavar="HOST", help="May be given again.")] = None,
    canary_label: Annotated[
        list[str] | None,
        typer.Option("--canary-label", metavar="KEY=VALUE", help="Hosts with this label are canaries."),
    ] = None,
    percent: Annotated[
        float, typer.Option("--canary-percent", min=0, max=100, metavar="N", help="Share of hosts, one at least.")
    ] = 5.0,
    waves: Annotated[str, typer.Option("--waves", metavar="N,N", help="Shares of hosts, in percent.")] = "25,100",
    gate: Annotated[str, typer.Option("--gate", metavar="TIME", help="How long a wave must stay well.")] = "10m",
    patience: Annotated[str, typer.Option("--patience", metavar="TIME", help="How long a wave may take.")] = "1h",
) -> None:
    """Start a rollout with its canaries.

    Examples:
      nagare bundle rollout start 0.2.0 --canary web1 --gate 15m
      nagare bundle rollout start 0.2.0 --canary-label stage=test --waves 10,50,100
    """
    from nagare.client.updates import UpdateCalls
    from nagare.wire.rollouts import RolloutRequest

    invocation = invocation_of(context)
    request = RolloutRequest(
        version,
        canaries=canary or [],
        canary_labels=dict(_pair(text) for text in canary_label or []),
        canary_percent=percent,
        waves=_waves(waves),
        gate_seconds=parse_duration(gate),
        patience_seconds=parse_duration(patience),
    )

    async def change(client: Client) -> RolloutView:
        return await UpdateCalls(client).start(request)

    _told(invocation, call(invocation.settings, change))


@app.command()
def status(context: typer.Context) -> None:
    """List rollouts, the newest first.

    Hosts that wait for the end of their maintenance are named as waiting.

    Example:
      nagare bundle rollout status -o json
    """
    from nagare.client.updates import UpdateCalls

    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[RolloutView]:
        return await UpdateCalls(client).rollouts()

    found = call(invocation.settings, fetch)
    is_table = invocation.format is OutputFormat.TABLE
    rows = [_row(view, _waiting(view) if is_table else [wait.host for wait in view.waiting]) for view in found]
    write_rows(invocation, Rows(_COLUMNS, rows, _TYPES))


@app.command()
def pause(context: typer.Context, rollout_id: Id = "") -> None:
    """Offer the version to nobody until it goes on.

    Example:
      nagare bundle rollout pause
    """
    _change(context, rollout_id, "pause")


@app.command()
def resume(context: typer.Context, rollout_id: Id = "") -> None:
    """Go on, and try again where it failed.

    Example:
      nagare bundle rollout resume
    """
    _change(context, rollout_id, "resume")


@app.command()
def abort(context: typer.Context, rollout_id: Id = "") -> None:
    """End a rollout for good; hosts that have the version keep it.

    Example:
      nagare bundle rollout abort
    """
    _change(context, rollout_id, "abort")


def _change(context: typer.Context, rollout_id: str, verb: str) -> None:
    from nagare.client.updates import UpdateCalls

    invocation = invocation_of(context)

    async def change(client: Client) -> RolloutView:
        calls = UpdateCalls(client)
        return await calls.change(rollout_id or _open(await calls.rollouts()), verb)

    _told(invocation, call(invocation.settings, change))


def _open(found: list[RolloutView]) -> str:
    for view in found:
        if view.state in ("running", "paused"):
            return view.id
    raise ConflictError("cannot change a rollout: none is open", hint="`nagare bundle rollout` lists them")


def _told(invocation: Invocation, view: RolloutView) -> None:
    if invocation.format is OutputFormat.JSON:
        from nagare.wire.codec import decode_any, encode

        write_document(decode_any(encode(view)))
    elif not invocation.is_quiet:
        canaries = ", ".join(view.canaries[:5])
        note(f"nagare: the rollout of {view.version} is {view.state}, wave {view.wave}, canaries {canaries}")
        if view.waiting:
            note(f"nagare: it waits for the end of maintenance of: {_waiting(view)}")


def _waiting(view: RolloutView) -> str:
    more = len(view.waiting) - _NAMED_LIMIT
    named = ", ".join(f"{wait.host} ({wait.maintenance})" for wait in view.waiting[:_NAMED_LIMIT])
    return named + (f" and {more} more" if more > 0 else "")


def _row(view: RolloutView, waiting: object) -> list[object]:
    counts = [sum(host.state == state for host in view.hosts) for state in ("installed", "failed")]
    wave = "canaries" if view.wave == 0 else f"{view.waves[view.wave - 1]} %"
    return [view.id, view.version, view.state, wave, len(view.hosts), *counts, waiting, view.started_at, view.reason]


def _waves(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"cannot use waves {text!r}: they must read like 25,100") from error


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"cannot use label {text!r}: it must read KEY=VALUE", hint="for example: stage=test")
    return key, value
