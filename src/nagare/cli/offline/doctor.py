"""``nagare doctor``: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD
from nagare.errors import NagareError

if TYPE_CHECKING:
    from nagare.cli.offline.checks.verdict import Check

app = typer.Typer(add_completion=False)
_COLOURS = {"ok": "\x1b[32m", "warn": "\x1b[33m", "bad": "\x1b[31m"}


@app.command()
def doctor(
    context: typer.Context,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read every byte that is kept instead, and name each fault and what it costs."),
    ] = False,
) -> None:
    """Check this installation and say how to mend it.

    It changes nothing. The exit status is 1 when something is bad; a warning alone is 0.

    With --verify it reads every record of the log, every block, the catalog, the records and the bus, also while a server runs.

    Examples:
      nagare doctor
      nagare doctor -o json
      nagare doctor --verify
    """
    invocation = invocation_of(context)
    if verify:
        from nagare.cli.offline.verification import verify as verify_files

        verify_files(invocation)
        return
    checks = list(_checks(invocation))
    if invocation.format is OutputFormat.TABLE:
        _print(invocation, checks)
    else:
        rows = [(check.name, check.verdict, check.seen, check.mend) for check in checks]
        write_rows(invocation, Rows(("check", "verdict", "seen", "mend"), rows))
    if any(check.verdict == "bad" for check in checks):
        raise typer.Exit(BAD)


def _checks(invocation: Invocation) -> Iterator[Check]:
    from nagare.cli.offline.checks import (
        agent,
        bus,
        certificates,
        database,
        files,
        installation,
        machine,
        policy,
        service,
    )
    from nagare.cli.offline.checks.verdict import bad

    yield from machine.check_versions()
    yield from machine.check_limits()
    yield from machine.check_terminal()
    try:
        loaded = invocation.loaded
    except NagareError as error:
        # Where the installation stands is not known without it.
        yield bad("configuration", error.message, error.hint)
        return
    yield from installation.check_configuration(loaded)
    for look in (
        installation.check_directory,
        installation.check_owner,
        certificates.check_certificates,
        files.check_files,
        database.check_database,
        bus.check_bus,
        policy.check_policy,
        agent.check_agent,
        service.check_service,
    ):
        try:
            yield from look(loaded.settings)
        except OSError as error:
            seen = f"cannot look at {error.filename or loaded.settings.data}: {(error.strerror or 'refused').lower()}"
            yield bad("installation", seen, "run doctor as the user that owns it, or choose --data")


def _print(invocation: Invocation, checks: list[Check]) -> None:
    from nagare.lib.plain_text import plain

    wide = max(len(check.name) for check in checks)
    for check in checks:
        word = f"{check.verdict:<4}"
        if invocation.has_color:
            word = f"{_COLOURS[check.verdict]}{word}\x1b[0m"
        typer.echo(f"{word}  {check.name:<{wide}}  {plain(check.seen)}")
        if check.mend:
            typer.echo(f"{'':<4}  {'':<{wide}}  → {plain(check.mend)}")
    if not invocation.is_quiet:
        note(_summary(checks))


def _summary(checks: list[Check]) -> str:
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in _COLOURS}
    return f"{counts['ok']} ok, {counts['warn']} to know, {counts['bad']} bad"
