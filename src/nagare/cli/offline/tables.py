"""``nagare tables``: what SQL can see."""

from __future__ import annotations

import typer

from nagare.cli.console.completion import complete_table, write_note
from nagare.cli.console.invocation import invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import NotFoundError

app = typer.Typer(add_completion=False)
_UNITS = ("ratio", "bytes", "bits", "seconds", "hertz", "celsius", "watts", "cores")


@app.command()
def tables(
    context: typer.Context,
    table: str | None = typer.Argument(
        None, metavar="[TABLE]", help="Show the columns of this table.", autocompletion=complete_table
    ),
) -> None:
    """Show what SQL can see: tables, columns, units.

    Examples:
      nagare tables
      nagare tables cpu
    """
    from nagare.cli.offline.source import describe
    from nagare.config.places import Places
    from nagare.lib.nearest import did_you_mean

    invocation = invocation_of(context)
    views = describe(invocation.settings)
    write_note(
        Places(invocation.settings.data).run,
        {view.name: {"": view.text} | {column.name: column.text for column in view.columns} for view in views},
    )
    if table is None:
        write_rows(
            invocation,
            Rows(("table", "columns", "text"), [(view.name, len(view.columns), view.text) for view in views]),
        )
        return
    chosen = next((view for view in views if view.name == table), None)
    if chosen is None:
        raise NotFoundError(
            f"cannot show table {table!r}: there is no such table",
            hint=did_you_mean(table, [view.name for view in views]) or "`nagare tables` lists them",
        )
    rows = [(column.name, column.type, column.kind, unit_of(column.name), column.text) for column in chosen.columns]
    write_rows(invocation, Rows(("column", "type", "kind", "unit", "text"), rows))


def unit_of(column: str) -> str:
    """Return the unit that the name of a column carries, empty when it carries none."""
    if column.endswith("_per_second"):
        base = unit_of(column.removesuffix("_per_second"))
        return f"{base}/s" if base else "1/s"
    if column.endswith("_total"):
        return unit_of(column.removesuffix("_total"))
    return next((unit for unit in _UNITS if column.endswith(f"_{unit}") or column == unit), "")
