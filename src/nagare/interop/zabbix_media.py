"""Our media type for Zabbix 6.0 and later, as the YAML that its front end imports. Pure.

The shape is that of Zabbix's own exports (``zabbix/zabbix:templates/media``). Everything that is not ours to know, the server's
address and the key, is a global macro unless it is given: a file with a secret in it is not handed around.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

NAME = "Nagare"
_ATTEMPTS = 10
_ATTEMPT_SECONDS = 60
_URL, _KEY = "{$NAGARE.URL}", "{$NAGARE.KEY}"
# What read_zabbix reads, by the macros that fill it.
_PARAMETERS = {
    "acknowledged": "{EVENT.ACK.STATUS}",
    "event_id": "{EVENT.ID}",
    "event_name": "{EVENT.NAME}",
    "event_nseverity": "{EVENT.NSEVERITY}",
    "event_opdata": "{EVENT.OPDATA}",
    "event_source": "{EVENT.SOURCE}",
    "event_tags": "{EVENT.TAGSJSON}",
    "event_update_action": "{EVENT.UPDATE.ACTION}",
    "event_update_message": "{EVENT.UPDATE.MESSAGE}",
    "event_update_status": "{EVENT.UPDATE.STATUS}",
    "event_update_user": "{USER.FULLNAME}",
    "event_value": "{EVENT.VALUE}",
    "host_groups": "{TRIGGER.HOSTGROUP.NAME}",
    "host_host": "{HOST.HOST}",
    "host_ip": "{HOST.IP}",
    "trigger_description": "{TRIGGER.DESCRIPTION}",
    "trigger_id": "{TRIGGER.ID}",
    "zabbix_url": "{$ZABBIX.URL}",
}
# Without a message for an operation Zabbix sends nothing; ours are read by nobody but its own log of actions.
_MESSAGES = (
    ("PROBLEM", "Problem: {EVENT.NAME}", "{HOST.HOST}: {EVENT.OPDATA}"),
    ("RECOVERY", "Over: {EVENT.NAME}", "{HOST.HOST}, after {EVENT.DURATION}"),
    ("UPDATE", "Update: {EVENT.NAME}", "{USER.FULLNAME} {EVENT.UPDATE.ACTION}: {EVENT.UPDATE.MESSAGE}"),
)
_DESCRIPTION = (
    "Sends problems of triggers to Nagare, with their updates and their end.",
    "",
    "1. Set the global macro {$NAGARE.URL} (https://nagare.example.com:8750), and {$NAGARE.KEY} as a secret text:",
    "   a key made by: nagare users key zabbix --allow alerts.send --days 365",
    "2. Set {$ZABBIX.URL} to this front end, so that alerts link back to their events.",
    "3. Give a user this media, with any text to send to, and let a trigger action send to that user",
    "   problems, recoveries and updates.",
)


def media_type(url: str = "", version: str = "6.0") -> str:
    """Return the file; ``url`` is the server's address, empty leaves it to the macro, ``version`` that of Zabbix."""
    return "\n".join(_lines(url or _URL, version)) + "\n"


def _lines(url: str, version: str) -> Iterator[str]:
    yield from (
        "zabbix_export:", f"  version: {_quoted(version)}", "  media_types:",
        f"    - name: {NAME}", "      type: WEBHOOK", "      parameters:",
    )  # fmt: skip
    for name, value in sorted({**_PARAMETERS, "http_proxy": "", "nagare_key": _KEY, "nagare_url": url}.items()):
        yield f"        - name: {name}"
        if value:
            yield f"          value: {_quoted(value)}"
    yield from (
        "      max_sessions: '0'", f"      attempts: '{_ATTEMPTS}'", f"      attempt_interval: {_ATTEMPT_SECONDS}s", "      timeout: 30s",
        "      process_tags: 'YES'", "      show_event_menu: 'YES'", "      event_menu_url: '{EVENT.TAGS.nagare_alert}'",
        "      event_menu_name: 'Alert in Nagare'",
    )  # fmt: skip
    yield from _block("script", _script())
    yield from _block("description", _DESCRIPTION)
    yield "      message_templates:"
    for operation, subject, message in _MESSAGES:
        yield from (
            "        - event_source: TRIGGERS", f"          operation_mode: {operation}",
            f"          subject: {_quoted(subject)}", f"          message: {_quoted(message)}",
        )  # fmt: skip


def _script() -> list[str]:
    return files("nagare.interop").joinpath("zabbix_media_type.js").read_text(encoding="utf-8").splitlines()


def _block(name: str, lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    yield f"      {name}: |"
    yield from (f"        {line}".rstrip() for line in lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
