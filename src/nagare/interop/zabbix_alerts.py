"""Zabbix's webhooks: names and values that are all texts, filled from macros. Pure.

There is no standard body (``zabbix/zabbix:templates/media``): our own media type sends the names below, and the shapes that stock
scripts send have the same values under other names. A macro that was not set arrives as it is written, and says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from nagare.errors import InputError
from nagare.interop.zabbix_api import marked_write
from nagare.lib.plain_text import plain
from nagare.model.alert.foreign import TEXT_LIMIT, Told, plain_annotations, plain_labels
from nagare.model.event import Severity
from nagare.wire.codec import decode

SOURCE = "zabbix"
_FIELDS_LIMIT = 100
_TAGS_LIMIT = 50
_MACRO = re.compile(r"\{[$#?]?[A-Z][A-Z0-9_.:()\"' -]*\}")
_UNKNOWN = "*UNKNOWN*"
# Zabbix: 0 not classified, 1 information, 2 warning, 3 average, 4 high, 5 disaster.
SEVERITIES = {
    "0": Severity.INFO, "1": Severity.INFO, "2": Severity.WARNING, "3": Severity.HIGH, "4": Severity.CRITICAL, "5": Severity.CRITICAL,
}  # fmt: skip
_BY_NAME = {
    "not classified": "0", "information": "1", "warning": "2", "average": "3", "high": "4", "disaster": "5",
}  # fmt: skip
# Our name -> those under which media types send it.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("event_id", "eventid", "EventID", "EVENT.ID", "id"),
    "value": ("event_value", "EVENT.VALUE", "value"),
    "update": ("event_update_status", "EVENT.UPDATE.STATUS", "update_status"),
    "action": ("event_update_action", "update_action", "EVENT.UPDATE.ACTION"),
    "message": ("event_update_message", "update_message", "EVENT.UPDATE.MESSAGE"),
    "user": ("event_update_user", "update_user", "USER.FULLNAME"),
    "name": ("event_name", "EVENT.NAME", "trigger_name", "TRIGGER.NAME", "alert_subject", "Subject", "name"),
    "number": ("event_nseverity", "EVENT.NSEVERITY", "nseverity"),
    "severity": ("event_severity", "EVENT.SEVERITY", "trigger_severity", "severity"),
    "host": ("host_host", "HOST.HOST", "host_name", "HOST.NAME", "host", "hostname"),
    "shown": ("host_name", "HOST.NAME"),
    "ip": ("host_ip", "HOST.IP"),
    "groups": ("host_groups", "TRIGGER.HOSTGROUP.NAME"),
    "tags": ("event_tags", "EVENT.TAGSJSON", "event_tags_json"),
    "acknowledged": ("acknowledged", "event_ack_status", "EVENT.ACK.STATUS", "ack"),
    "trigger": ("trigger_id", "triggerid", "TRIGGER.ID"),
    "text": ("trigger_description", "TRIGGER.DESCRIPTION", "alert_message", "Message", "description"),
    "data": ("event_opdata", "EVENT.OPDATA", "opdata"),
    "url": ("zabbix_url", "url"),
    "source": ("event_source", "EVENT.SOURCE"),
    "status": ("event_status", "EVENT.STATUS", "status"),
}


def read_zabbix(body: bytes) -> list[Told]:
    """Return what a webhook of Zabbix tells, with the mark that an update has as those have that are written to Zabbix from here.

    Raises InputError that says which field is missing or wrong.
    """
    fields = _fields(decode(body, dict[str, Any]))
    event_id = fields.get("id", "")
    if not re.fullmatch(r"[0-9]{1,20}", event_id):
        raise _fault(
            "event_id", f"{event_id[:40]!r} is no {{EVENT.ID}}" if event_id else "is missing, or its macro is not set"
        )
    name = fields.get("name", "")
    if not name:
        raise _fault("event_name", "is missing, or its macro is not set")
    is_update = fields.get("update", "0") == "1"
    message = fields.get("message", "")
    told = Told(
        SOURCE,
        event_id,
        plain_labels(_labels(fields, name)),
        plain_annotations(_annotations(fields, name, event_id)),
        _severity(fields),
        _is_problem(fields),
        is_one_time=True,
        is_acknowledged=_is_acknowledged(fields),
        actor=plain(fields.get("user", "") or SOURCE, 253),
        comment=plain(" ".join(filter(None, (fields.get("action", ""), message))), 1000) if is_update else "",
        mark=marked_write(message) if is_update else "",
    )
    return [told]


def _fields(told: Mapping[str, Any]) -> dict[str, str]:
    if len(told) > _FIELDS_LIMIT:
        raise InputError(f"cannot take problem of Zabbix: {len(told)} fields, {_FIELDS_LIMIT} at the most")
    fields = {}
    for ours, names in _NAMES.items():
        for name in names:
            text = _text(told.get(name), name)
            if text and not _MACRO.fullmatch(text) and text != _UNKNOWN:
                fields[ours] = text
                break
    return fields


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _fault(name, "must be a text")
    return str(value).strip()[:TEXT_LIMIT]


def _is_problem(fields: Mapping[str, str]) -> bool:
    value = fields.get("value", "")
    if value in ("0", "1"):
        return value == "1"
    status = fields.get("status", "").lower()
    if status in ("problem", "firing", "ok", "resolved", "recovery", "recovered"):
        return status in ("problem", "firing")
    raise _fault("event_value", f"{value[:40]!r} is neither 1 (problem) nor 0 (recovery)" if value else "is missing")


def _severity(fields: Mapping[str, str]) -> Severity:
    number = fields.get("number", "") or _BY_NAME.get(fields.get("severity", "").lower(), fields.get("severity", ""))
    return SEVERITIES.get(number, Severity.WARNING)


def _is_acknowledged(fields: Mapping[str, str]) -> bool | None:
    said = fields.get("acknowledged", "").lower()
    return {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}.get(said)


def _labels(fields: Mapping[str, str], name: str) -> dict[str, str]:
    labels = {"alertname": name, "host": fields.get("host", ""), "zabbix_groups": fields.get("groups", "")}
    return labels | tag_labels(_tags(fields.get("tags", "")))


def tag_labels(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the labels that tags become, as many as are kept; one may come again, and its values stand side by side."""
    labels: dict[str, str] = {}
    for tag, value in islice(tags, _TAGS_LIMIT):
        key = f"tag_{tag[:64]}"
        labels[key] = f"{labels[key]},{value}" if key in labels else value or "true"
    return labels


def _tags(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        found = decode(text.encode(), list[dict[str, str]])
    except InputError:
        raise _fault("event_tags", "is no {EVENT.TAGSJSON}") from None
    return [(one["tag"], one.get("value", "")) for one in found if one.get("tag")]


def _annotations(fields: Mapping[str, str], name: str, event_id: str) -> dict[str, str]:
    link = ""
    base = fields.get("url", "")
    if base.startswith(("http://", "https://")) and fields.get("trigger", "").isdigit():
        link = f"{base.rstrip('/')}/tr_events.php?triggerid={fields['trigger']}&eventid={event_id}"
    return {
        "summary": name,
        "description": fields.get("text", ""),
        "data": fields.get("data", ""),
        "source": link,
        "address": fields.get("ip", ""),
    }


def _fault(name: str, cause: str) -> InputError:
    return InputError(
        f"cannot take problem of Zabbix: {name} {cause}",
        hint="import the media type that `nagare alerts zabbix-media-type` prints",
        errors=[{"pointer": f"#/{name}", "detail": cause}],
    )
