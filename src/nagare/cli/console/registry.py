"""The table of commands, and the group that imports a command's module only when it is named.

`nagare --help` prints this table without loading any of them; that keeps it under 150 ms however many there are.
"""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import typer
import typer.core
import typer.main

from nagare.cli.console.coercion import HELP_NAMES, make_light
from nagare.cli.console.invocation import global_options
from nagare.errors import InputError
from nagare.lib.nearest import did_you_mean


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: the module that holds its ``app``, its help line, and whether it prints rows (``-o``)."""

    module: str
    text: str
    has_rows: bool = False


COMMANDS: Mapping[str, Entry] = MappingProxyType(
    {
        "up": Entry("nagare.cli.up", "Server, agent and live dashboard of this machine, in one word."),
        "top": Entry("nagare.cli.top", "The live dashboard."),
        "query": Entry("nagare.cli.offline.query", "Ask the metrics in SQL.", has_rows=True),
        "plot": Entry("nagare.cli.offline.plot", "Draw a metric as a chart in the terminal or a PNG.", has_rows=True),
        "insights": Entry(
            "nagare.cli.offline.insights.group",
            "What is unusual in series, and what began it: anomalies, rank.",
            has_rows=True,
        ),
        "tables": Entry("nagare.cli.offline.tables", "What SQL can see: tables, columns, units.", has_rows=True),
        "hosts": Entry(
            "nagare.cli.hosts", "List, show, label, accept, revoke, rotate and remove hosts.", has_rows=True
        ),
        "ssh": Entry("nagare.cli.ssh", "A shell on a host, on record."),
        "events": Entry("nagare.cli.events", "List events, or add a note.", has_rows=True),
        "diagnose": Entry("nagare.cli.diagnosis.diagnose", "What is wrong, why, and what to do; a monitoring plugin."),
        "alerts": Entry(
            "nagare.cli.alerts.alerts", "What is wrong: list, show, ack, unack, resolve, comment, why.", has_rows=True
        ),
        "silences": Entry("nagare.cli.alerts.silences", "Keep quiet about alerts: list, add, end.", has_rows=True),
        "rules": Entry(
            "nagare.cli.alerts.rules",
            "What makes alerts: list, show, guide, save, delete, check, test, replay.",
            has_rows=True,
        ),
        "incidents": Entry(
            "nagare.cli.alerts.incidents", "Alerts that people hear of together: list, show.", has_rows=True
        ),
        "notifications": Entry(
            "nagare.cli.alerts.notifications",
            "Who is told of alerts: list, show, retry, drop, receivers, test, check, match.",
            has_rows=True,
        ),
        "heartbeats": Entry(
            "nagare.cli.alerts.heartbeats", "Signs of life that are waited for: list, send.", has_rows=True
        ),
        "kb": Entry(
            "nagare.cli.kb.group", "Runbooks, past incidents and notes: search, list, add, sync, remove.", has_rows=True
        ),
        "models": Entry("nagare.cli.models", "Models that diagnoses may ask: check, log, show, forget.", has_rows=True),
        "message": Entry("nagare.cli.message", "A few words in every dashboard that is open.", has_rows=True),
        "targets": Entry("nagare.cli.targets", "What is scraped, and how each target does.", has_rows=True),
        "run": Entry("nagare.cli.run", "Run an action on hosts and watch it.", has_rows=True),
        "commands": Entry(
            "nagare.cli.commands", "Jobs that were run: list, show, follow, approve, reject, cancel.", has_rows=True
        ),
        "tasks": Entry("nagare.cli.tasks", "Tasks of the server: list, show, run, follow, cancel.", has_rows=True),
        "schedules": Entry(
            "nagare.cli.schedules", "Schedules of tasks: list, add, edit, remove, enable, run, next.", has_rows=True
        ),
        "audit": Entry(
            "nagare.cli.offline.audit", "Who did what, and the proof that nobody rewrote it.", has_rows=True
        ),
        "login": Entry("nagare.cli.accounts.login", "Log in to a server, for all commands.", has_rows=True),
        "logout": Entry("nagare.cli.accounts.logout", "End a login."),
        "users": Entry("nagare.cli.accounts.users", "Users, roles, sessions and personal keys.", has_rows=True),
        "tokens": Entry(
            "nagare.cli.tokens", "Mint, list and revoke the tokens with which machines join.", has_rows=True
        ),
        "bundle": Entry("nagare.cli.bundles.group", "Sign, publish and roll out updates of agents.", has_rows=True),
        "serve": Entry("nagare.cli.serve", "Run the server."),
        "agent": Entry("nagare.cli.agent", "Run the agent that collects from this host; agent status.", has_rows=True),
        "doctor": Entry("nagare.cli.offline.doctor", "Check this installation and say how to mend it.", has_rows=True),
        "backup": Entry(
            "nagare.cli.offline.backup", "One file with all of it, made while the server runs.", has_rows=True
        ),
        "restore": Entry("nagare.cli.offline.restore", "Bring an installation back from a backup.", has_rows=True),
        "config": Entry("nagare.cli.config", "Show, check and begin the configuration.", has_rows=True),
        "version": Entry("nagare.cli.version", "Show the versions of nagare and what it runs on.", has_rows=True),
    }
)
# Options of the program as a whole that make no sense behind a command.
_ROOT_ONLY = frozenset({"version", "install_completion", "show_completion"})
_EXAMPLE = re.compile(r"\n(Examples?:\n)")
_EPILOG = "Global options (--data, --config, --server, --quiet, --no-color) may stand here too; see nagare --help."


class LazyGroup(typer.core.TyperGroup):
    """A group whose commands stand in COMMANDS."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the library's signature
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  the library's signature
        """Import and return one command, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = self._load(cmd_name)
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that ``args`` name. Raises InputError with the nearest one."""
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing and not name.startswith("-"):
            raise InputError(
                f"cannot run command {name!r}: there is no such command",
                hint=did_you_mean(name, COMMANDS) or "`nagare --help` lists them",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  the library's signature
        """Write the table as it stands, loading nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.text) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete a command's name from the table; its own arguments load it."""
        from typer._click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.text) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        # Options of the group itself; the class above would load every command for its help line.
        return names + super(typer.core.TyperGroup, self).shell_complete(ctx, incomplete)

    def _load(self, name: str) -> Any:
        entry = COMMANDS[name]
        app: typer.Typer = importlib.import_module(entry.module).app
        app.rich_markup_mode = None
        command = typer.main.get_command(app)
        command.name = name
        shared = [param for param in self.params if param.name not in _ROOT_ONLY]
        _share(command, shared, has_rows=entry.has_rows)
        return command


def _share(command: Any, shared: list[Any], *, has_rows: bool) -> None:
    """Let ``command`` and everything below it take the global options too; only ``-o`` is worth a line of its help."""
    if command.help:
        # The library's mark for a paragraph as it stands: what follows keeps its line breaks.
        command.help = _EXAMPLE.sub("\n\b\n\\1", command.help)
    make_light(command)
    taken = {option for param in command.params for option in param.opts}
    for param in shared:
        if taken.isdisjoint(param.opts):
            copied = copy.copy(param)
            copied.hidden = not (has_rows and param.name == "output")
            command.params.append(copied)
    children = getattr(command, "commands", {})
    if not children:
        command.epilog = _EPILOG
    for child in children.values():
        _share(child, shared, has_rows=has_rows)


def build() -> LazyGroup:
    """Return the root command."""
    root = typer.Typer(
        name="nagare",
        cls=LazyGroup,
        rich_markup_mode=None,
        no_args_is_help=False,
        invoke_without_command=False,
        context_settings={"help_option_names": list(HELP_NAMES), "max_content_width": 100},
        epilog="Data goes to stdout, talk and errors to stderr. Begin with `nagare up`.",
    )
    root.callback()(global_options)
    group = typer.main.get_command(root)
    assert isinstance(group, LazyGroup)
    make_light(group)
    return group
