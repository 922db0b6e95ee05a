"""``nagare rules check``: reads rule files, with mappings of webhooks, and asks each statement once where an installation can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nagare.alerting.rules.answers import seen_of
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD, FINE
from nagare.cli.offline.source import ask
from nagare.config.alert_rules.load import own_files, read_rules
from nagare.config.files import read_file
from nagare.config.settings import Settings
from nagare.errors import ConfigError, InputError, NagareError, NotFoundError, UnavailableError
from nagare.lib.clock import SystemClock
from nagare.model.alert.rule import Rule
from nagare.wire.sql import SqlRequest

# Of a table of records, while only the files can be asked.
_SERVER_KEEPS = "the server keeps it, and none runs"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a rule, or of a file that nobody can read; ``firing`` rows would be alerts now."""

    file: str
    rule: str
    outcome: str
    rows: int | None = None
    firing: int | None = None
    text: str = ""


def check_rules(invocation: Invocation, paths: Sequence[Path]) -> int:
    """Check what ``paths`` hold, files and folders, and return the exit status. Raises ConfigError, NotFoundError."""
    settings = invocation.settings
    files = _files(paths, settings)
    checked = list[Checked]()
    unasked = ""
    for path in files:
        try:
            found = read_rules(read_file(path))
        except ConfigError as error:
            checked.append(Checked(str(path), "", "bad", text=error.message))
            continue
        # A mapping that can be read holds: there is nothing to ask.
        named = [f"webhook {one.name}" for one in found.webhooks]
        named += [f"{one.kind.value} {one.name}" for one in found.monitors]
        checked += [Checked(str(path), name, "ok") for name in named]
        for rule in found.rules:
            try:
                checked.append(_asked(settings, str(path), rule) if not unasked else _read_only(path, rule))
            except UnavailableError as error:
                unasked = error.message
                checked.append(_read_only(path, rule))
    names = ("file", "rule", "outcome", "rows", "firing", "text")
    write_rows(invocation, Rows(names, [tuple(getattr(one, name) for name in names) for one in checked]))
    if unasked and not invocation.is_quiet:
        note(f"nagare: the rules are read, but their statements were not asked: {unasked}")
    return BAD if any(one.outcome == "bad" for one in checked) else FINE


def _files(paths: Sequence[Path], settings: Settings) -> list[Path]:
    if not paths and settings.alerts.rules is None:
        raise InputError("cannot check rules: no file is given, and alerts.rules names no folder")
    found = list[Path]()
    for path in paths or [settings.alerts.rules or Path()]:
        if not path.exists():
            raise NotFoundError(f"cannot check rules of {path}: there is none")
        found += own_files(path) if path.is_dir() else [path]
    return found


def _read_only(path: Path, rule: Rule) -> Checked:
    return Checked(str(path), rule.name, "not asked")


def _asked(settings: Settings, file: str, rule: Rule) -> Checked:
    since_ms = SystemClock().now_ms() - round(rule.window_seconds * 1000)
    try:
        reply = ask(settings, SqlRequest(rule.sql, since_ms=since_ms))
        found = seen_of(rule, reply)
    except UnavailableError:
        raise
    except NagareError as error:
        if error.message.endswith(_SERVER_KEEPS):
            return Checked(file, rule.name, "not asked", text=error.message)
        return Checked(file, rule.name, "bad", text=error.message + (f" ({error.hint})" if error.hint else ""))
    outcome = "bad" if found.doubt else "ok"
    return Checked(file, rule.name, outcome, len(reply.rows), len(found.seen), found.doubt)
