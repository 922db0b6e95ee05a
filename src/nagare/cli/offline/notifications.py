"""``nagare notifications check`` and ``match``: a file of notifications, read and asked without a server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nagare.cli.console.invocation import Invocation
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD, FINE
from nagare.config.files import read_file
from nagare.config.notify import read_notifying
from nagare.errors import ConfigError, InputError
from nagare.lib.units import format_seconds
from nagare.model.event import Severity
from nagare.model.notify.definition import parse_notifying
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.oncall import is_muted, receivers_of
from nagare.model.notify.receiver import Receiver
from nagare.model.notify.route import Route, group_labels, routes_for

_CHECKED = ("file", "outcome", "place", "text")
_MATCHED = ("route", "after", "receiver", "channels", "group", "quiet")
# Names the root, whose path is empty.
ROOT = "(root)"


def check_files(invocation: Invocation, files: Sequence[Path]) -> int:
    """Check ``files``, and return the exit status. Raises InputError."""
    own = invocation.settings.alerts.notify_file
    if not files and own is None:
        raise InputError("cannot check notifications: no file is given, and alerts.notify_file names none")
    rows = [(str(path), *row) for path in files or [own or Path()] for row in _checked(path)]
    write_rows(invocation, Rows(_CHECKED, rows))
    return BAD if any(row[1] == "bad" for row in rows) else FINE


def _checked(path: Path) -> Iterator[tuple[str, str, str]]:
    try:
        found = parse_notifying(read_file(path).tables, path.name)
    except ConfigError as error:
        yield "bad", "", error.message
        return
    except InputError as error:
        for fault in error.errors:
            yield "bad", fault["pointer"].removeprefix("#/").replace("/", "."), fault["detail"]
        return
    yield "ok", "", _counted(found)
    secrets = [(one.key, one.secret_file) for receiver in found.receivers.values() for one in receiver.channels]
    if found.pulse is not None:
        secrets.append(("pulse", found.pulse.secret_file))
    for key, secret in secrets:
        if secret and not os.access(secret, os.R_OK):
            yield "doubt", key, f"secret file {secret} cannot be read by this user"


def _counted(found: Notifying) -> str:
    counts = {
        "route": sum(1 for _ in found.root.walk()),
        "receiver": len(found.receivers),
        "rotation": len(found.rotations),
        "escalation": len(found.escalations),
        "mute time": len(found.mutes),
        "heartbeat": len(found.heartbeats),
    }
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items() if count)


def match_labels(invocation: Invocation, file: Path, texts: Sequence[str], now_ms: int) -> None:
    """Write who would be told of an alert with those labels at that moment. Raises ConfigError, InputError."""
    labels = dict(_label(text) for text in texts)
    severity = _severity(labels)
    found = read_notifying(read_file(file))
    rows = [row for route in routes_for(found.root, labels) for row in _told(found, route, labels, severity, now_ms)]
    write_rows(invocation, Rows(_MATCHED, rows))


def _label(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InputError(f"cannot read label {text[:80]!r}: it is not LABEL=VALUE", hint="write it as host=db1")
    return name, value


def _severity(labels: dict[str, str]) -> Severity:
    """Return that of the alert; the highest where none is said, which every channel tells."""
    given = labels.get("severity", "")
    try:
        return Severity[given.upper()] if given else Severity.CRITICAL
    except KeyError:
        words = ", ".join(one.name.lower() for one in Severity)
        raise InputError(f"cannot read severity {given[:80]!r}: it is none of {words}") from None


def _told(
    found: Notifying, route: Route, labels: dict[str, str], severity: Severity, now_ms: int
) -> Iterator[tuple[str, str, str, str, str, str]]:
    group = ", ".join(f"{name}={value}" for name, value in group_labels(route, labels).items())
    quiet = ", ".join(name for name in route.mutes if is_muted(found.mutes[name], now_ms))
    for step in found.steps_of(route.receiver):
        after = format_seconds(route.group_wait_seconds + step.after_seconds)
        for name in receivers_of(found, step, now_ms):
            yield route.path or ROOT, after, name, _channels(found.receivers[name], severity), group, quiet


def _channels(receiver: Receiver, severity: Severity) -> str:
    return ", ".join(one.key for one in receiver.channels if one.severity <= severity)
