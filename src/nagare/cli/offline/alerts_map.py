"""``nagare alerts map``: what a mapping would make of a body, before its sender is let in. It needs no server."""

from __future__ import annotations

import sys
from pathlib import Path

from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_rows
from nagare.config.alert_rules.load import read_rules
from nagare.config.files import read_file
from nagare.errors import InputError, NotFoundError
from nagare.interop.mapped_alerts import read_mapped
from nagare.lib.clock import SystemClock
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.foreign import Told

_LIMIT_BYTES = 16 * 2**20
_NAMES = ("state", "severity", "name", "host", "starts_at", "ends_at", "labels", "annotations", "source", "fingerprint")
# For a person the words by which it is known here say little.
_SHOWN = 8


def map_body(invocation: Invocation, file: Path, name: str) -> None:
    """Write the alerts that the mapping ``name`` of ``file`` makes of the body on stdin. Raises ConfigError, InputError."""
    known = {webhook.name: webhook for webhook in read_rules(read_file(file)).webhooks}
    webhook = known.get(name)
    if webhook is None:
        hint = did_you_mean(name, list(known)) or f"it has: {', '.join(known) or 'none'}"
        raise NotFoundError(f"cannot find webhook {plain(name, 40)!r} in {file}: there is none of that name", hint=hint)
    rows = [_row(told) for told in read_mapped(_body(), webhook, SystemClock().now_ms())]
    count = _SHOWN if invocation.format is OutputFormat.TABLE else len(_NAMES)
    write_rows(invocation, Rows(_NAMES[:count], [row[:count] for row in rows]))


def _body() -> bytes:
    body = sys.stdin.buffer.read(_LIMIT_BYTES + 1) if sys.stdin is not None else b""
    if len(body) > _LIMIT_BYTES:
        raise InputError("cannot read body: it is larger than 16 MiB")
    return body


def _row(told: Told) -> tuple[object, ...]:
    return (
        "firing" if told.is_firing else "resolved",
        told.severity.name.lower(),
        told.labels["alertname"],
        told.labels.get("host", ""),
        _moment(told.starts_ms),
        _moment(told.ends_ms),
        dict(told.labels),
        dict(told.annotations),
        told.source,
        told.fingerprint,
    )


def _moment(time_ms: int | None) -> str:
    return "" if time_ms is None else format_ms(time_ms)
