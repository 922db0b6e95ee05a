"""``nagare alerts``: what is wrong, who has it in hand, and why people are told of it or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.alerts.choice import chosen_ids, find_id
from nagare.cli.alerts.shown import title, write_alerts, write_detail, write_why
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.diagnosis.attached import diagnoses_of
from nagare.cli.exit_codes import BAD
from nagare.errors import ConflictError, InputError
from nagare.lib.nearest import did_you_mean
from nagare.model.alert.alert import ACTIVE, AlertState
from nagare.model.alert.matcher import all_match, parse_matcher
from nagare.model.event import Severity

if TYPE_CHECKING:
    from nagare.client.alerts import AlertCalls
    from nagare.client.client import Client
    from nagare.wire.alerts import AlertDetail, AlertView, WhyView
    from nagare.wire.diagnosis import DiagnosisBrief

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_SEVERITIES = [level.name.lower() for level in Severity]
# With matchers all are looked at, and the limit holds for what is shown.
_LOOKED_AT = 10_000


def _complete_state(incomplete: str) -> list[str]:
    return [state for state in ("active", *AlertState) if state.startswith(incomplete)]


def _complete_severity(incomplete: str) -> list[str]:
    return [word for word in _SEVERITIES if word.startswith(incomplete)]


Id = Annotated[str, typer.Argument(metavar="ID", help="The alert; the first characters of its id will do.")]
Chosen = Annotated[
    list[str], typer.Argument(metavar="ID|MATCHER", help="Ids, or matchers of labels that hold together: host=web1.")
]
StateWords = Annotated[
    str,
    typer.Option("--state", metavar="WORDS", help="Only in these states, by commas.", autocompletion=_complete_state),
]
All = Annotated[bool, typer.Option("--all", help="Also those that are pending, resolved or closed.")]
Least = Annotated[
    str,
    typer.Option(
        "--severity", metavar="WORD", help="At least so bad: warning, high, critical.",
        autocompletion=_complete_severity,
    ),
]  # fmt: skip
Host = Annotated[str, typer.Option("--host", metavar="NAME", help="Only of this host.")]
RuleName = Annotated[str, typer.Option("--rule", metavar="NAME", help="Only of this rule.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Only what changed since: 1h, 2026-11-20.")]
Label = Annotated[
    list[str] | None, typer.Option("--label", "-l", metavar="MATCHER", help="Only with: host=web1, mount=~/srv.*.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Alerts at the most.")]
Check = Annotated[bool, typer.Option("--check", help="End with 1 when any of them is active.")]
Text = Annotated[str, typer.Option("--text", "-m", metavar="TEXT", help="Why, for who looks at it later.")]


@app.callback()
def alerts(context: typer.Context) -> None:
    """List and show alerts, take them in hand, and see why people are told of one or not.

    Without a verb it lists those that are active.

    Examples:
      nagare alerts
      nagare alerts ack 3f2a9c0d -m "disk is ordered"
      nagare alerts why 3f2a9c0d
    """
    if context.invoked_subcommand is None:
        list_alerts(context)


@app.command("list")
def list_alerts(
    context: typer.Context,
    state: StateWords = "active",
    all_states: All = False,
    severity: Least = "",
    host: Host = "",
    rule: RuleName = "",
    label: Label = None,
    since: Since = None,
    limit: Limit = 100,
    check: Check = False,
) -> None:
    """List alerts, what changed last first: those that are active, unless other states are asked for.

    Examples:
      nagare alerts list --severity high -l team=db
      nagare alerts list --all --since 1d -o csv
      nagare alerts list --check --severity critical --quiet
    """
    invocation = invocation_of(context)
    matchers = [parse_matcher(text) for text in label or ()]
    wanted = {
        "state": "" if all_states else state,
        "severity": str(_severity(severity)) if severity else "",
        "host": host,
        "rule": rule,
        "since_ms": str(parse_moment(since)) if since else "",
    }

    async def fetch(calls: AlertCalls) -> list[AlertView]:
        found = await calls.alerts(_LOOKED_AT if matchers else limit, **wanted)
        return [alert for alert in found if all_match(matchers, alert.labels)][:limit]

    found = _call(invocation, fetch)
    write_alerts(invocation, found)
    if check and any(alert.state in ACTIVE for alert in found):
        raise typer.Exit(BAD)


@app.command()
def show(context: typer.Context, alert_id: Id) -> None:
    """Show an alert and what happened to it.

    Example:
      nagare alerts show 3f2a9c0d
    """
    invocation = invocation_of(context)

    async def fetch(client: Client) -> tuple[AlertDetail, list[DiagnosisBrief]]:
        from nagare.client.alerts import AlertCalls

        calls = AlertCalls(client)
        detail = await calls.alert(await find_id(calls, alert_id))
        return detail, await diagnoses_of(client, [detail.alert.id])

    detail, diagnoses = call(invocation.settings, fetch)
    write_detail(invocation, detail, diagnoses)


@app.command()
def why(context: typer.Context, alert_id: Id) -> None:
    """Explain, step by step, why people are told of an alert, or are not.

    Example:
      nagare alerts why 3f2a9c0d
    """
    invocation = invocation_of(context)

    async def fetch(calls: AlertCalls) -> WhyView:
        return await calls.why(await find_id(calls, alert_id))

    write_why(invocation, _call(invocation, fetch))


@app.command()
def ack(context: typer.Context, chosen: Chosen, text: Text = "") -> None:
    """Take alerts in hand: they are yours, and nobody else is told of them.

    Examples:
      nagare alerts ack 3f2a9c0d 81b6e0aa
      nagare alerts ack host=web1 severity=high -m "rebooting it"
    """
    states = (AlertState.FIRING, AlertState.REOPENED)
    _change(context, chosen, states, lambda calls, one: calls.acknowledge(one, text))


@app.command()
def unack(context: typer.Context, chosen: Chosen, text: Text = "") -> None:
    """Give alerts back that somebody has in hand.

    Example:
      nagare alerts unack 3f2a9c0d
    """
    _change(context, chosen, (AlertState.ACKNOWLEDGED,), lambda calls, one: calls.unacknowledge(one, text))


@app.command()
def resolve(context: typer.Context, chosen: Chosen, text: Text = "") -> None:
    """End alerts by hand; where the condition still holds, they open again at the next look.

    Example:
      nagare alerts resolve 3f2a9c0d -m "the drive is replaced"
    """
    _change(context, chosen, sorted(ACTIVE), lambda calls, one: calls.resolve(one, text))


@app.command()
def comment(
    context: typer.Context,
    alert_id: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One or a few sentences.")],
) -> None:
    """Note something about an alert; it stands in its history.

    Example:
      nagare alerts comment 3f2a9c0d "the backup ran late and filled /srv"
    """
    invocation = invocation_of(context)

    async def change(calls: AlertCalls) -> AlertView:
        return await calls.comment(await find_id(calls, alert_id), text)

    found = _call(invocation, change)
    if invocation.wants_json_errors:
        write_alerts(invocation, [found])
    elif not invocation.is_quiet:
        note(f"nagare: {title(found)} has your comment")


@app.command("map")
def map_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of rules that has the mapping.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The mapping, a table [[webhook]].")],
) -> None:
    """Show which alerts a mapping makes of a body, read from stdin, before its sender is let in. It needs no server.

    Example:
      nagare alerts map rules/uptime.toml uptime < body.json
    """
    from nagare.cli.offline.alerts_map import map_body

    map_body(invocation_of(context), file, name)


@app.command("zabbix-media-type")
def zabbix_media_type(
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The server's; else the macro {$NAGARE.URL} says it.")
    ] = "",
) -> None:
    """Print the media type by which Zabbix, 6.0 or later, tells of its problems. Import it under Alerts, Media types.

    Example:
      nagare alerts zabbix-media-type --url https://nagare.example.com:8750 > nagare-media-type.yaml
    """
    from nagare.cli.offline.zabbix_media_type import write_media_type

    write_media_type(url)


def _change(
    context: typer.Context,
    chosen: list[str],
    states: Iterable[str],
    verb: Callable[[AlertCalls, str], Awaitable[AlertView]],
) -> None:
    """Do ``verb`` to each that is meant; one that is in no state for it keeps none of the others from it."""
    invocation = invocation_of(context)
    refused: list[ConflictError] = []

    async def work(calls: AlertCalls) -> list[AlertView]:
        changed = []
        for alert_id in await chosen_ids(calls, chosen, tuple(states)):
            try:
                changed.append(await verb(calls, alert_id))
            except ConflictError as error:
                refused.append(error)
        return changed

    changed = _call(invocation, work)
    if invocation.wants_json_errors:
        write_alerts(invocation, changed)
    elif not invocation.is_quiet:
        for alert in changed:
            note(f"nagare: {title(alert)} is {alert.state}{f' by {alert.owner}' if alert.owner else ''}")
    for error in refused[:-1]:
        note(f"nagare: {error.message}")
    if refused:
        raise refused[-1]


def _severity(word: str) -> int:
    if word.lower() in _SEVERITIES:
        return _SEVERITIES.index(word.lower())
    raise InputError(
        f"cannot use severity {word!r}: there is no such one",
        hint=did_you_mean(word, _SEVERITIES) or f"use one of {', '.join(_SEVERITIES)}",
    )


def _call(invocation: Invocation, work: Callable[[AlertCalls], Awaitable[T]]) -> T:
    from nagare.client.alerts import AlertCalls

    async def run_call(client: Client) -> T:
        return await work(AlertCalls(client))

    return call(invocation.settings, run_call)
