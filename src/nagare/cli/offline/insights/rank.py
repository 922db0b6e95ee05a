"""``nagare insights rank``: which component an incident began at, from files of series or from what is kept here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.invocation import Invocation, invocation_of
from nagare.cli.console.moments import parse_moment, parse_window
from nagare.cli.offline.insights.columns import By, Time, Value, say_choice, wish
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.insights.matrix import SeriesMatrix
    from nagare.insights.ranking.rank import Question
    from nagare.insights.ranking.values import Ranking

Baseline = Annotated[Path | None, typer.Option("--baseline", metavar="FILE", help="Series of a usual time.")]
Incident = Annotated[Path | None, typer.Option("--incident", metavar="FILE", help="The same series of the incident.")]
Both = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="Series of both, instead of two files.")
]
Onset = Annotated[
    str | None,
    typer.Option("--onset", metavar="WHEN", help="When it began, give or take --slack; found out unless given."),
]
Host = Annotated[
    list[str] | None, typer.Option("--host", metavar="HOST", help="Instead of files: what is kept of it; may repeat.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="Instead of files: what is kept since then.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="And until then; now unless given.")]
Slack = Annotated[str, typer.Option("--slack", metavar="TIME", help="How far the onset may be off.")]
Pattern = Annotated[
    str,
    typer.Option(
        "--component-pattern",
        metavar="PATTERN",
        help="Where a name says its component: '{component}_{metric}', or a regular expression with these groups. Found out unless given.",
    ),
]
Graph = Annotated[
    Path | None,
    typer.Option("--graph", metavar="FILE", help="Who calls whom, as CSV (caller,callee) or JSON."),
]
Top = Annotated[int, typer.Option("--top", "-k", min=1, max=100_000, metavar="COUNT", help="How many of each to show.")]
_NUMBER = re.compile(r"\d{6,}(\.\d+)?")


def register(app: typer.Typer) -> None:
    """Add the verb to the group."""
    app.command("rank")(rank)


def rank(
    context: typer.Context,
    baseline: Baseline = None,
    incident: Incident = None,
    file: Both = None,
    host: Host = None,
    since: Since = None,
    until: Until = None,
    onset: Onset = None,
    slack: Slack = "5m",
    graph: Graph = None,
    component_pattern: Pattern = "",
    top: Top = 10,
    time: Time = None,
    value: Value = None,
    by: By = None,
) -> None:
    """Rank what changed: metrics, and the components that the incident may have begun at.

    Files are CSV or Parquet with a time column; a wide one has a series a column, named component_metric or the like.
    With --host or --since it is the history of this installation, and events near the onset are told: of several hosts
    each is a component, of one host its disks, programs and so on. A change counts by how far it leaves all that
    the baseline shows, and by how early it began. With --graph, a component is no suspect for what its dependencies
    explain.

    Examples:
      nagare insights rank --baseline before.csv --incident during.csv
      nagare insights rank --file metrics.parquet --onset 2026-11-20T14:05Z --graph calls.csv -o json
      nagare insights rank --since 2h
      nagare insights rank --host db1 --onset 14:05
    """
    invocation = invocation_of(context)
    wanted = [file is not None, baseline is not None or incident is not None, bool(host or since or until)]
    _check(wanted, is_pair=baseline is not None and incident is not None, has_onset=onset is not None)
    from nagare.cli.offline.insights.rank_shown import write_ranking
    from nagare.insights.ranking.rank import compare, rank_changes

    question = _question(component_pattern, graph, slack)
    if file is not None:
        matrix = _read(invocation, file, time, value, by)
        ranking: Ranking = rank_changes(matrix, None if onset is None else _moment(onset), question)
    elif baseline is not None and incident is not None:
        before, during = (_read(invocation, one, time, value, by) for one in (baseline, incident))
        ranking = compare(before, during, question)
    else:
        _refuse_columns(time, value, by)
        from nagare.cli.offline.insights.rank_history import Past, rank_past

        past = Past(host or (), *parse_window(since, until), None if onset is None else parse_moment(onset))
        ranking, events = rank_past(invocation.settings, past, question)
        write_ranking(invocation, ranking, top, events)
        return
    write_ranking(invocation, ranking, top)


def _check(wanted: list[bool], *, is_pair: bool, has_onset: bool) -> None:
    if sum(wanted) != 1 or (wanted[1] and not is_pair):
        raise InputError(
            "cannot rank: give either --file, or --baseline and --incident, or --host and --since",
            hint="for example: nagare insights rank --file metrics.csv --onset 2026-11-20T14:05Z",
        )
    if has_onset and is_pair:
        raise InputError("cannot use --onset with two files: it is found in the incident", hint="leave it out")


def _refuse_columns(*names: object) -> None:
    if any(names):
        raise InputError("cannot use --time, --value or --by: they are for files")


def _question(pattern: str, graph: Path | None, slack: str) -> Question:
    from nagare.cli.offline.insights.graph_file import read_graph
    from nagare.insights.ranking.rank import Question
    from nagare.lib.units import parse_duration

    return Question(
        pattern=pattern,
        graph=None if graph is None else read_graph(graph),
        slack_ms=round(parse_duration(slack) * 1000),
    )


def _read(
    invocation: Invocation, path: Path, time: str | None, value: list[str] | None, by: list[str] | None
) -> SeriesMatrix:
    from nagare.insights.frames import read_frame
    from nagare.insights.ranking.frames import matrix_of
    from nagare.metrics.sheets import Sheet

    with Sheet(path) as sheet:
        frame = read_frame(sheet, wish(time, value, by))
        say_choice(invocation, frame)
        return matrix_of(frame)


def _moment(text: str) -> int:
    """Return Unix milliseconds; numbers are read as those of a file are, times without an offset are UTC as there."""
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        number = float(stripped)
        for limit, factor in ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3)):
            if number < limit:
                return round(number * factor)
        return round(number * 1e-6)
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        return parse_moment(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
