"""What one call of ``nagare`` was asked in general: the global options, and the settings they lead to.

The global options stand before or after the command; both write into the same Invocation. Nothing is read before a
command asks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.config.load import Loaded
    from nagare.config.settings import Settings


class OutputFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


@dataclass
class Invocation:
    """The global options of one call, and the settings, loaded once when first asked for."""

    flags: dict[str, Any] = field(default_factory=dict)
    output: OutputFormat | None = None
    is_quiet: bool = False
    no_color: bool = False
    is_debug: bool = False

    @cached_property
    def loaded(self) -> Loaded:
        """The settings with their origins. Raises ConfigError."""
        from nagare.config.load import load_settings

        return load_settings(self.flags)

    @property
    def settings(self) -> Settings:
        """The settings. Raises ConfigError."""
        return self.loaded.settings

    @property
    def format(self) -> OutputFormat:
        """The format of rows: the one asked for, else a table on a terminal and JSON in a pipe."""
        if self.output is not None:
            return self.output
        return OutputFormat.TABLE if is_terminal() else OutputFormat.JSON

    @property
    def wants_json_errors(self) -> bool:
        """Whether errors go to a program: only when JSON was asked for by name."""
        return self.output in (OutputFormat.JSON, OutputFormat.NDJSON)

    @property
    def has_color(self) -> bool:
        """Whether escapes may be written: a terminal, and nobody said no."""
        from nagare.config.surroundings import variable

        return is_terminal() and not self.no_color and not variable("NO_COLOR") and terminal_name() != "dumb"

    def set_flags(self, flags: Mapping[str, Any]) -> None:
        """Add what the user typed as options of the command itself, by dotted key; None means not typed."""
        self.flags |= {key: value for key, value in flags.items() if value is not None}


def is_terminal() -> bool:
    """Tell whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def is_interactive() -> bool:
    """Tell whether a person can use a full screen here: stdin and stdout are terminals that can move the cursor."""
    return sys.stdin is not None and sys.stdin.isatty() and is_terminal() and terminal_name() not in ("", "dumb")


def terminal_name() -> str:
    """Return the kind of the terminal, empty when nothing tells it."""
    from nagare.config.surroundings import variable

    return variable("TERM")


def invocation_of(context: typer.Context) -> Invocation:
    """Return the Invocation that ``main`` put into the context."""
    found = context.find_root().obj
    assert isinstance(found, Invocation)
    return found


def columns() -> int:
    """Return the width of the terminal in characters."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 80


def _invocation(context: typer.Context) -> Invocation | None:
    # Completion parses a line without a call behind it.
    found = context.find_root().obj
    return found if isinstance(found, Invocation) else None


def _keep_flag(context: typer.Context, param: typer.CallbackParam, value: Any) -> None:
    invocation = _invocation(context)
    if value is not None and invocation is not None:
        invocation.flags[_FLAG_KEYS[param.name or ""]] = value


def _keep_switch(context: typer.Context, param: typer.CallbackParam, value: Any) -> None:
    invocation = _invocation(context)
    if value and invocation is not None:
        setattr(invocation, _SWITCHES[param.name or ""], True)


def _keep_output(context: typer.Context, value: str | None) -> None:
    invocation = _invocation(context)
    if value is None or invocation is None:
        return
    try:
        invocation.output = OutputFormat(value)
    except ValueError:
        from nagare.lib.nearest import did_you_mean

        raise InputError(
            f"cannot write output as {value!r}: there is no such format",
            hint=did_you_mean(value, [choice.value for choice in OutputFormat])
            or f"use one of {', '.join(OutputFormat)}",
        ) from None


def _keep_json(context: typer.Context, value: bool) -> None:
    invocation = _invocation(context)
    if value and invocation is not None:
        invocation.output = OutputFormat.JSON


def _show_version(value: bool) -> None:
    if value:
        from nagare import __version__

        typer.echo(f"nagare {__version__}")
        raise typer.Exit


_FLAG_KEYS = {"data": "data", "config": "config", "server": "client.server"}
_SWITCHES = {"quiet": "is_quiet", "no_color": "no_color", "debug": "is_debug"}


def _complete_format(incomplete: str) -> list[str]:
    return [choice for choice in OutputFormat if choice.startswith(incomplete)]


def global_options(
    data: str | None = typer.Option(
        None, "--data", metavar="DIR", help="Directory of this installation.", callback=_keep_flag, expose_value=False
    ),
    config: str | None = typer.Option(
        None, "--config", metavar="FILE", help="Configuration to read, in TOML.", callback=_keep_flag,
        expose_value=False,
    ),
    server: str | None = typer.Option(
        None, "--server", metavar="URL", help="Server to ask, instead of this installation's own.",
        callback=_keep_flag, expose_value=False,
    ),
    output: str | None = typer.Option(
        None, "--output", "-o", metavar="FORMAT",
        help="table, json, csv or ndjson; table on a terminal and json in a pipe unless given.",
        callback=_keep_output, autocompletion=_complete_format, expose_value=False,
    ),
    json: bool = typer.Option(
        False, "--json", help="The same as -o json.", callback=_keep_json, expose_value=False
    ),
    quiet: bool = typer.Option(
        False, "--quiet", "-q", help="Say nothing but data and errors.", callback=_keep_switch, expose_value=False
    ),
    no_color: bool = typer.Option(
        False, "--no-color", help="Write without colour, as NO_COLOR does.", callback=_keep_switch, expose_value=False
    ),
    debug: bool = typer.Option(
        False, "--debug", help="Show where a bug of ours comes from.", callback=_keep_switch, expose_value=False
    ),
    version: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_show_version, expose_value=False, is_eager=True
    ),
) -> None:  # fmt: skip
    """Turns a terminal into an operations room: collect, keep, show, ask."""
