"""From the plain values of a file of notifications to routes and whom they name; every fault is found at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from nagare.model.event import Severity
from nagare.model.fields import Faults, Fields
from nagare.model.notify.heartbeat import Heartbeat, Pulse
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.reading.channels import read_receiver
from nagare.model.notify.reading.duty import read_escalation, read_mute, read_rotation
from nagare.model.notify.reading.parts import DAY, Use, Uses, read_name, read_secret, read_tables, read_text
from nagare.model.notify.reading.routes import read_root
from nagare.model.notify.receiver import Channel, ChannelKind, Receiver
from nagare.model.notify.route import Route

RECEIVERS_LIMIT = 500
ROTATIONS_LIMIT = 200
ESCALATIONS_LIMIT = 200
MUTES_LIMIT = 200
HEARTBEATS_LIMIT = 1000
TEXT_LIMIT = 1000
_TERMINAL = "terminal"

T = TypeVar("T")


def default_notifying() -> Notifying:
    """Return what holds where there is no file: whoever looks at a dashboard is told."""
    channel = Channel(f"{_TERMINAL}/{_TERMINAL}", ChannelKind.TERMINAL, severity=Severity.WARNING, per_minute=60.0)
    root = Route("", _TERMINAL, group_by=("alertname",))
    return Notifying(root, {_TERMINAL: Receiver(_TERMINAL, (channel,))}, {}, {}, {}, {})


def parse_notifying(tables: Mapping[str, Any], what: str) -> Notifying:
    """Return what a file named ``what`` defines. Raises InputError with a pointer at every fault."""
    faults = Faults(f"notifications of {what}")
    fields, uses = Fields(tables, "", faults), Uses()
    # One list of whom a route may name: of two of a name nobody could tell which is meant.
    names = set[str]()
    receivers = _named(fields, "receiver", RECEIVERS_LIMIT, names, lambda one: read_receiver(one, uses))
    rotations = _named(fields, "rotation", ROTATIONS_LIMIT, names, lambda one: read_rotation(one, uses))
    escalations = _named(fields, "escalation", ESCALATIONS_LIMIT, names, lambda one: read_escalation(one, uses))
    mutes = _named(fields, "mute", MUTES_LIMIT, set(), read_mute)
    heartbeats = _named(fields, "heartbeat", HEARTBEATS_LIMIT, set(), _heartbeat)
    found = Notifying(_route(fields, uses), receivers, rotations, escalations, mutes, heartbeats, _pulse(fields))
    fields.finish()
    uses.check(
        faults,
        {
            Use.RECEIVER: receivers,
            Use.ON_DUTY: [*receivers, *rotations],
            Use.ANYBODY: [*receivers, *rotations, *escalations],
            Use.MUTE: mutes,
        },
    )
    faults.refuse()
    return found


def _named(fields: Fields, key: str, limit: int, names: set[str], read: Callable[[Fields], T]) -> dict[str, T]:
    """Return what the tables ``[[key]]`` say by its name, which is not yet among ``names``."""
    found: dict[str, T] = {}
    for table in read_tables(fields, key, limit):
        name = read_name(table)
        if name and name in names:
            table.fault("name", f"{name} is there already")
        names.add(name)
        found[name] = read(table)
        table.finish()
    return found


def _route(fields: Fields, uses: Uses) -> Route:
    given = fields.raw("route")
    if isinstance(given, Mapping):
        return read_root(Fields(given, "route", fields.faults), uses)
    fields.fault("route", "is missing: write [route]" if given is None else "must be a table [route]")
    return Route("", "")


def _heartbeat(fields: Fields) -> Heartbeat:
    return Heartbeat(
        fields.text("name", ""),
        fields.seconds("every", None, 10.0, 31 * DAY),
        fields.seconds("grace", "0s", 0.0, 31 * DAY),
        fields.severity("severity", Severity.HIGH),
        read_text(fields, "text", TEXT_LIMIT),
    )


def _pulse(fields: Fields) -> Pulse | None:
    given = fields.raw("pulse")
    if given is None:
        return None
    if not isinstance(given, Mapping):
        fields.fault("pulse", "must be a table [pulse]")
        return None
    table = Fields(given, "pulse", fields.faults)
    secret_file, secret_env = read_secret(table)
    if not secret_file and not secret_env:
        table.fault("secret_file", "is missing, and secret_env too: one of them has the URL that is called")
    found = Pulse(secret_file, secret_env, table.seconds("every", "60s", 10.0, DAY))
    table.finish()
    return found
