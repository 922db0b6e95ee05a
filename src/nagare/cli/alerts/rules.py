"""``nagare rules``: what makes alerts, how each rule does, what to do about its alerts, and rules that are saved at the server."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.alerts.page import page_lines
from nagare.cli.alerts.shown import document_of, severity_word, write_documents, write_properties
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, columns, invocation_of, is_terminal
from nagare.cli.console.moments import parse_window
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import NotFoundError
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain_lines
from nagare.lib.units import format_seconds, parse_duration

if TYPE_CHECKING:
    from nagare.client.alerts import RuleCalls
    from nagare.client.client import Client
    from nagare.wire.alerts import RuleList, RuleView

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("name", "group", "severity", "health", "firing", "pending", "every", "judged", "took", "from", "text")
# Of a terminal that does not tell.
_WIDTH = 80
_TIMES = ("", "", "", "", "", "", "", "TIMESTAMP", "", "", "")


def _complete_guide(incomplete: str) -> list[str]:
    from nagare.config.alert_rules.guides import guide_names

    return [name for name in guide_names() if name.startswith(incomplete)]


Name = Annotated[str, typer.Argument(metavar="NAME", help="The rule.", autocompletion=_complete_guide)]
Paths = Annotated[list[Path] | None, typer.Argument(metavar="PATH", help="Rule files, or folders of them.")]
TestPaths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Files of tests, or folders of them.")]
ReplayNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RULE",
        help="Only these; all of the files, else of this installation.",
        autocompletion=_complete_guide,
    ),
]
ReplayFiles = Annotated[list[Path] | None, typer.Option("--file", "-f", metavar="FILE", help="Rules of this file.")]
Since = Annotated[str, typer.Option("--since", metavar="WHEN", help="From then on: 1d, 2026-11-20.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Until then; now unless given.")]
Step = Annotated[str, typer.Option("--step", metavar="TIME", help="Look so often, however many statements it takes.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, metavar="ROWS", help="Alerts at the most.")]
Group = Annotated[str, typer.Option("--group", metavar="NAME", help="Only of this group.")]
SaveFiles = Annotated[list[Path], typer.Argument(metavar="FILE", help="Rule files, or folders of them.")]
Saved = Annotated[list[str], typer.Argument(metavar="NAME", help="Rules.", autocompletion=_complete_guide)]
SaveCheck = Annotated[bool, typer.Option("--check", help="Show what changes and what would have been; save nothing.")]
Revision = Annotated[
    int | None, typer.Option("--revision", metavar="NUMBER", help="Only as it was read: `show` tells its revision.")
]
Health = Annotated[str, typer.Option("--health", metavar="WORD", help="Only: ok, no-data, failing, waiting.")]


@app.callback()
def rules(context: typer.Context) -> None:
    """List, show, check, test, replay and save rules, and read what to do about their alerts.

    Without a verb it lists them.

    Examples:
      nagare rules
      nagare rules guide DiskFull
      nagare rules test rules/
      nagare rules replay DiskFull --since 7d
    """
    if context.invoked_subcommand is None:
        list_rules(context)


@app.command("list")
def list_rules(context: typer.Context, group: Group = "", health: Health = "") -> None:
    """List the rules and how they do, by name.

    Examples:
      nagare rules list --group disk
      nagare rules list --health failing -o json
    """
    invocation = invocation_of(context)
    found = _call(invocation, lambda calls: calls.rules())
    shown = [rule for rule in found.rules if group in ("", rule.group) and health in ("", rule.health)]
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(rule) for rule in shown], _TIMES))
    else:
        write_documents(invocation, shown)
    _tell_faults(invocation, found)


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """Show a rule: what it asks, when it fires, and how it does.

    Example:
      nagare rules show DiskFull -o json
    """
    invocation = invocation_of(context)
    rule = _call(invocation, lambda calls: calls.rule(name))
    match invocation.format:
        case OutputFormat.JSON:
            write_document(document_of(rule))
        case OutputFormat.TABLE:
            write_properties(
                invocation, document_of(rule) | {"severity": severity_word(rule.severity), "sql": "", "definition": {}}
            )
            sys.stdout.write(f"\n{plain_lines(rule.sql)}\n")
        case _:
            write_documents(invocation, [rule])


@app.command()
def guide(context: typer.Context, name: Name) -> None:
    """Read what an alert of a shipped rule means, how to look, and what to do. It needs no server.

    Example:
      nagare rules guide DiskFull
    """
    from nagare.config.alert_rules.guides import find_guide, guide_names

    invocation = invocation_of(context)
    page = find_guide(name)
    if page is None:
        raise NotFoundError(
            f"cannot find guide of rule {name[:80]!r}: no shipped rule has that name",
            hint=did_you_mean(name, guide_names()) or f"nagare rules show {name[:80]} tells what the rule itself says",
        )
    if is_terminal():
        sys.stdout.writelines(
            line + "\n" for line in page_lines(page, columns() or _WIDTH, is_colored=invocation.has_color)
        )
    else:
        sys.stdout.write(page)


@app.command()
def check(context: typer.Context, paths: Paths = None) -> None:
    """Read rule files, and ask each statement once: of the live server, or of the files of this installation.

    Without a path it checks the folder that alerts.rules names. It ends with 1 when a rule is bad.

    Example:
      nagare rules check rules/disk.toml
    """
    from nagare.cli.offline.rules_check import check_rules

    if status := check_rules(invocation_of(context), paths or []):
        raise typer.Exit(status)


@app.command("test")
def run_tests(context: typer.Context, paths: TestPaths) -> None:
    """Run tests of rules: rows over time in a store of their own, and the alerts that must be there. No server is needed.

    A folder stands for all files in it that end with .test.toml. It ends with 1 when an alert differs.

    Example:
      nagare rules test rules/disk.test.toml
    """
    from nagare.cli.offline.rules_test import test_rules

    if status := test_rules(invocation_of(context), paths):
        raise typer.Exit(status)


@app.command()
def replay(
    context: typer.Context,
    names: ReplayNames = None,
    file: ReplayFiles = None,
    since: Since = "7d",
    until: Until = None,
    step: Step = "",
    limit: Limit = 100,
) -> None:
    """Show what rules would have made of the past, before they wake somebody: which alerts, from when until when.

    It asks the statements of the rules once a step, of the live server or of the files of this installation. A long time is
    looked at in larger steps than those of the server; which, it says.

    Examples:
      nagare rules replay DiskFull --since 7d
      nagare rules replay --file rules/disk.toml --since 1d --step 1m -o json
    """
    from nagare.cli.offline.rules_replay import Wish, replay_rules

    begin, end = parse_window(since, until)
    wish = Wish(names or [], file or [], begin or 0, end, parse_duration(step) if step else None, limit)
    replay_rules(invocation_of(context), wish)


@app.command()
def save(context: typer.Context, files: SaveFiles, check: SaveCheck = False, since: Since = "7d") -> None:
    """Save the rules of files at the server, which judges them from then on. Shows what changes.

    All are checked before the first is saved. With --check none is saved: it shows what would change and what each rule would
    have made of the time since --since, and ends with 1 when one is bad. What somebody else changes meanwhile is not lost.

    Examples:
      nagare rules save disk.toml --check --since 7d
      nagare rules save disk.toml
    """
    from nagare.cli.alerts.rules_saved import check_saving, save_rules

    if not check:
        save_rules(invocation_of(context), files)
    elif status := check_saving(invocation_of(context), files, parse_window(since, None)[0] or 0):
        raise typer.Exit(status)


@app.command()
def delete(context: typer.Context, names: Saved, revision: Revision = None) -> None:
    """Delete rules that were saved at the server; a shipped rule whose place one took holds again. Their alerts end.

    Example:
      nagare rules delete WebSlow
    """
    from nagare.cli.alerts.rules_saved import delete_rules

    delete_rules(invocation_of(context), names, revision)


@app.command()
def export(context: typer.Context, names: Saved) -> None:
    """Write rules as a rule file, which `save` takes back: also shipped ones, and those of the server's files.

    Example:
      nagare rules export DiskFull > disk.toml
    """
    from nagare.cli.alerts.rules_saved import export_rules

    export_rules(invocation_of(context), names)


def _tell_faults(invocation: Invocation, found: RuleList) -> None:
    if found.fault:
        note(f"nagare: what changed in the files of rules does not hold: {found.fault}")
    for name, why in found.not_held.items():
        note(f"nagare: rule {name} of the API does not hold: {why}")
    for rule in found.rules if not invocation.is_quiet else ():
        if rule.fault:
            note(f"nagare: rule {rule.name} cannot be judged: {rule.fault}")


def _row(rule: RuleView) -> tuple[object, ...]:
    return (
        rule.name,
        rule.group,
        severity_word(rule.severity),
        rule.health,
        rule.firing,
        rule.pending,
        format_seconds(rule.every_seconds),
        rule.judged_at,
        format_seconds(rule.took_seconds) if rule.judged_at else "",
        rule.origin if rule.origin_kind == "api" else f"{rule.origin} ({rule.origin_kind})",
        rule.text,
    )


def _call(invocation: Invocation, work: Callable[[RuleCalls], Awaitable[T]]) -> T:
    from nagare.client.alerts import RuleCalls

    async def run_call(client: Client) -> T:
        return await work(RuleCalls(client))

    return call(invocation.settings, run_call)
