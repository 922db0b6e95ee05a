"""``nagare config``: where every setting comes from, whether it can be used, and how to begin."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import ConflictError, StorageError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show, check and begin the configuration.")


@app.command()
def show(
    context: typer.Context,
    keys: list[str] | None = typer.Argument(None, metavar="[KEY...]", help="Only these keys or sections."),
    origin: bool = typer.Option(False, "--origin", help="Also tell where each value comes from."),
) -> None:
    """Show the settings in force.

    Examples:
      nagare config show --origin
      nagare config show server query.row_limit -o json
    """
    from nagare.config.show import format_toml, plain_value, value_of

    invocation = invocation_of(context)
    loaded = invocation.loaded
    names = ("key", "value", "origin") if origin else ("key", "value")
    is_table = invocation.format is OutputFormat.TABLE
    rows = []
    for key in _chosen(keys or []):
        value = value_of(loaded.settings, key)
        row = (key, format_toml(value) if is_table else plain_value(value), str(loaded.origins[key]))
        rows.append(row[: len(names)])
    write_rows(invocation, Rows(names, rows))


@app.command()
def check(context: typer.Context) -> None:
    """Read the configuration and say whether it can be used.

    Example:
      nagare config check --config /etc/nagare/nagare.toml
    """
    loaded = invocation_of(context).loaded
    files = ", ".join(map(str, loaded.files)) or "no file"
    changed = sum(str(origin) != "default" for origin in loaded.origins.values())
    note(f"nagare: the configuration is fine ({files}; {changed} settings differ in origin from the default)")


@app.command()
def init(
    path: Path = typer.Argument(Path("nagare.toml"), metavar="[FILE]", help="File to write; - writes to stdout."),
    force: bool = typer.Option(False, "--force", help="Replace a file that is there."),
) -> None:
    """Write a beginner's configuration: every setting with its sentence and default, commented out.

    Examples:
      nagare config init
      nagare config init ~/.config/nagare/nagare.toml
    """
    from nagare.config.show import template

    text = "\n".join(template()) + "\n"
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(path, flags, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConflictError(f"cannot write {path}: it is there already", hint="add --force to replace it") from None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {(error.strerror or 'refused').lower()}") from error
    note(f"nagare: wrote {path}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of nagare.toml.

    Example:
      nagare config schema > nagare.schema.json
    """
    from nagare.config.schema import schema as build

    write_document(build())


def _chosen(wanted: list[str]) -> list[str]:
    from nagare.config.fields import all_fields, sections
    from nagare.errors import NotFoundError
    from nagare.lib.nearest import did_you_mean

    known = all_fields()
    for key in wanted:
        if key not in known and key not in sections():
            raise NotFoundError(
                f"cannot show setting {key!r}: there is no such setting", hint=did_you_mean(key, [*sections(), *known])
            )
    return [key for key, field in known.items() if not wanted or key in wanted or field.section in wanted]
