"""``nagare top``: the live dashboard in this terminal."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import typer

from nagare.cli.console.invocation import invocation_of, is_interactive
from nagare.cli.exit_codes import FINE, INTERNAL
from nagare.config.surroundings import set_variable
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.config.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def top(
    context: typer.Context,
    location: str | None = typer.Argument(
        None, metavar="[LOCATION]", help="Where to begin, as the dashboard shows it: hosts?filter=web&sort=cpu"
    ),
    ascii_only: bool | None = typer.Option(None, "--ascii", help="Draw with ASCII only."),
    theme: str | None = typer.Option(
        None, "--theme", help="Colours: nagare-dark, nagare-light, nagare-contrast or nagare-16."
    ),
    parent_fd: int | None = typer.Option(None, "--parent-fd", hidden=True),
) -> None:
    """Watch the hosts live.

    It opens also while no server answers, and follows as soon as one does. Press ? for help, q to leave.

    Examples:
      nagare top
      nagare top hosts
      nagare top 'hosts/web1?t=-1h'
      nagare top --theme nagare-contrast
    """
    invocation = invocation_of(context)
    if not is_interactive():
        raise InputError(
            "cannot open the dashboard: stdin and stdout must be a terminal",
            hint="`nagare query` and `nagare hosts` answer in a pipe",
        )
    invocation.set_flags({"top.ascii": ascii_only, "top.theme": theme})
    if parent_fd is not None:
        from nagare.cli.console.parent import watch_parent

        watch_parent(parent_fd)
    if invocation.no_color:
        set_variable("NO_COLOR", "1")
    status = open_dashboard(invocation.settings, location)
    if status:
        raise typer.Exit(status)


def open_dashboard(settings: Settings, location: str | None) -> int:
    """Run the dashboard in this terminal and give the terminal back, however it ends; return the exit status."""
    from nagare.cli.supervision.first_frame import paint_first_frame
    from nagare.cli.supervision.terminal import kept_terminal
    from nagare.lib.garbage import drawing_collector, set_aside

    with drawing_collector(), kept_terminal() as terminal:
        terminal.hush()
        paint_first_frame(location, ascii_only=settings.top.ascii)
        # Not earlier: what it imports makes half a million objects that stay.
        from nagare.tui.app import run_top

        set_aside()

        def end(number: int, _frame: object) -> None:
            # The library answers no signal; without this the shell would be left inside the full screen.
            terminal.restore(is_clean=False)
            os._exit(128 + number)

        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, end)
        # The library ends with 1 after a fault of ours, which means something else here.
        return INTERNAL if run_top(settings, location) else FINE
