"""``nagare version``: the versions of nagare and of what it runs on, for a bug report."""

from __future__ import annotations

import typer

from nagare.cli.console.invocation import invocation_of
from nagare.cli.console.output import Rows, write_rows

app = typer.Typer(add_completion=False)
# What decides how nagare behaves; read from the installed metadata, so that none of them is loaded.
LIBRARIES = ("aiohttp", "duckdb", "msgspec", "numpy", "sqlalchemy", "textual", "typer")


@app.command()
def version(context: typer.Context) -> None:
    """Show the versions of nagare and what it runs on.

    Example:
      nagare version -o json
    """
    write_rows(invocation_of(context), Rows(("part", "version"), versions()))


def versions() -> list[tuple[str, str]]:
    """Return the parts and their versions; an absent library says so."""
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from nagare import __version__

    found = [("nagare", __version__), ("python", platform.python_version()), ("system", platform.platform(terse=True))]
    for library in LIBRARIES:
        try:
            found.append((library, installed(library)))
        except PackageNotFoundError:
            found.append((library, "not installed"))
    return found
