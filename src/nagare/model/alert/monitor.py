"""Other systems whose interface we ask and write to: ``[[zabbix]]`` and ``[[prometheus]]`` of a rule file. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from nagare.model.alert.foreign import source_of
from nagare.model.fields import Fields
from nagare.model.notify.reading.parts import read_secret

URL_LIMIT = 2048
LABELS_LIMIT = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}")
_HOUR, _LEAST_SECONDS = 3600.0, 10.0


class MonitorKind(StrEnum):
    """What it is, by the name of its table."""

    ZABBIX = "zabbix"
    PROMETHEUS = "prometheus"


@dataclass(frozen=True, slots=True)
class Monitor:
    """One of them. ``key`` is that with which it sends, ``user.key``; empty where it sends without one of its own.

    ``every_seconds``: how often it is asked what it has, 0 for never. ``writes_back``: whether what people do to its alerts here is
    written to it. ``labels``: what it adds to labels when it sends, and does not tell when it is asked.
    """

    kind: MonitorKind
    name: str
    url: str
    key: str = ""
    secret_file: str = ""
    secret_env: str = ""
    ca_file: str = ""
    every_seconds: float = 60.0
    writes_back: bool = False
    labels: Mapping[str, str] | None = None
    origin: str = ""

    @property
    def source(self) -> str:
        """The source of its alerts, however they came."""
        return source_of(self.kind.value, self.key)


def parse_monitor(fields: Fields, kind: MonitorKind, origin: str) -> Monitor:
    """Return that of one table of the file ``origin``; faults are kept in ``fields``."""
    is_zabbix = kind is MonitorKind.ZABBIX
    file, variable = read_secret(fields)
    if is_zabbix and not file and not variable:
        fields.fault("secret_file", "is missing, and secret_env too: one of them has a token of its interface")
    found = Monitor(
        kind,
        _name(fields),
        _url(fields),
        fields.text("key", ""),
        file,
        variable,
        fields.text("ca_file", ""),
        _every(fields),
        fields.flag("writes_back") if is_zabbix else False,
        None if is_zabbix else _labels(fields),
        origin,
    )
    fields.finish()
    return found


def _name(fields: Fields) -> str:
    name = fields.text("name")
    if name and _NAME.fullmatch(name) is None:
        fields.fault("name", "must be letters, digits, dot, hyphen and underscore, 64 at the most")
    return name


def _url(fields: Fields) -> str:
    url = fields.text("url")
    try:
        parts = urlsplit(url)
        is_plain = bool(parts.scheme in ("http", "https") and parts.hostname and len(url) <= URL_LIMIT)
        is_plain = is_plain and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        is_plain = False
    if url and not is_plain:
        fields.fault("url", "must be a plain http or https address without user, password, query or fragment")
    return url


def _every(fields: Fields) -> float:
    seconds = fields.seconds("every", "1m", 0.0, _HOUR)
    if 0 < seconds < _LEAST_SECONDS:
        fields.fault("every", f"must be 0s for never, or {_LEAST_SECONDS:g}s at the least")
    return seconds


def _labels(fields: Fields) -> Mapping[str, str]:
    table = fields.table("labels")
    if len(table) > LABELS_LIMIT:
        fields.fault("labels", f"has {len(table)} entries, {LABELS_LIMIT} at the most")
    for name, text in table.items():
        if _LABEL.fullmatch(name) is None or not isinstance(text, str) or not text:
            fields.fault(f"labels.{name}", "must be a text, named by letters, digits and underscore")
    return {name: text for name, text in table.items() if isinstance(text, str)}
