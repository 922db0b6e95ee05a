"""``nagare insights anomalies``: every row of a file again, with how unlike its own past it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.offline.insights.columns import By, File, Time, Value, say_choice, wish

if TYPE_CHECKING:
    from nagare.insights.frames import Frame
    from nagare.metrics.sheets import Sheet

# The column that is added; the other name where a file has it already.
_NAMES = ("score", "anomaly_score")
Above = Annotated[
    float, typer.Option("--above", min=0.0, max=1.0, metavar="SCORE", help="Only rows that score as much.")
]


def register(app: typer.Typer) -> None:
    """Add the verb to the group."""
    app.command("anomalies")(anomalies)


def anomalies(
    context: typer.Context, file: File, time: Time = None, value: Value = None, by: By = None, above: Above = 0.0
) -> None:
    """Add to every row a score from 0 to 1: how unlike the past of its series it is.

    0.5 and more is worth a look. A row is judged by rows before it alone, and every series by the same setting. Where a
    row has several values, the highest score counts. Rows come out as they were, in their order.

    Examples:
      nagare insights anomalies cpu.csv -o csv > scored.csv
      nagare insights anomalies metrics.parquet --time ts --value used_ratio --by host --by mount
      nagare insights anomalies cpu.csv --above 0.5
    """
    invocation = invocation_of(context)
    from nagare.insights.frames import read_frame
    from nagare.metrics.sheets import Sheet

    with Sheet(file) as sheet:
        frame = read_frame(sheet, wish(time, value, by))
        say_choice(invocation, frame)
        _write(invocation, sheet, _scores(frame), above)


def _scores(frame: Frame) -> Any:
    import numpy as np

    from nagare.insights.anomalies.series import score_all

    scores, series = np.zeros(len(frame.ts_ms)), list(frame.series())
    found = score_all([(frame.ts_ms[rows], frame.values[column][rows]) for _, column, rows in series])
    for (_, _, rows), score in zip(series, found, strict=True):
        scores[rows] = np.maximum(scores[rows], score)
    return scores


def _write(invocation: Invocation, sheet: Sheet, scores: Any, above: float) -> None:
    taken = {name.lower() for name in sheet.names}
    name = next((one for one in _NAMES if one not in taken), _NAMES[-1])
    if name != _NAMES[0]:
        note(f"nagare: the file has a column {_NAMES[0]!r} of its own; what is added is {name!r}")
    is_typed = invocation.format in (OutputFormat.JSON, OutputFormat.NDJSON)
    write_rows(invocation, Rows([*sheet.names, name], _scored(sheet, scores, above, is_typed=is_typed)))


def _scored(sheet: Sheet, scores: Any, above: float, *, is_typed: bool) -> Iterator[tuple[Any, ...]]:
    for row, score in zip(sheet.rows(is_typed=is_typed), scores.tolist(), strict=True):
        if score >= above:
            yield (*row, score)
