"""Zabbix's JSON-RPC: what is asked, and what its answers and faults mean. Pure.

Source: ``zabbix/zabbix`` documentation, API reference of 6.0 to 7.2. A token is shown in the header from 6.4 on, before that in the
body, and from 7.2 on there no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntFlag
from typing import Any

from nagare.errors import InputError, UnauthenticatedError, UnavailableError
from nagare.lib.plain_text import plain
from nagare.wire.codec import decode, encode

MESSAGE_LIMIT = 2000
_HEADER_SINCE = (6, 4)
_CAMEL_SINCE = (7, 0)
_FAULT_LIMIT = 300
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\..*)?")
# Of a token that is wrong, ended or may not do this, in the words of all versions.
_UNKNOWN_CALLER = re.compile(r"re-?login|not authori[sz]ed|api token|no permissions to call", re.IGNORECASE)
# Passes by itself: its database is away, or something broke in it.
_PASSING = re.compile(r"sql|database|internal|try again", re.IGNORECASE)
_PASSING_CODES = frozenset({-32400, -32603})
# Stands in what we write, so that we know it again: when it comes back to us, and before we write it twice.
_MARK = re.compile(r"\[nagare ([0-9a-f]{8}\.[0-9]{1,9})\]")


class Update(IntFlag):
    """What is to be done to an event, all at once; of what is so already nothing is done."""

    CLOSE = 1
    ACKNOWLEDGE = 2
    MESSAGE = 4
    UNACKNOWLEDGE = 16


def mark_of(write_id: str) -> str:
    """Return what stands in the message of a write of ours, ``<alert>.<number>``."""
    alert_id, _, number = write_id.partition(".")
    return f"[nagare {alert_id[:8]}.{number}]"


def marked_write(message: str) -> str:
    """Return of which write a message has the mark, ``<beginning of the alert>.<number>``, empty for none; anybody can write such a mark."""
    # Ours stands at the end: what a person said before it may have another.
    found = _MARK.findall(message)
    return found[-1] if found else ""


def request(method: str, params: Any, token: str, version: tuple[int, int]) -> tuple[bytes, Mapping[str, str]]:
    """Return the body and the headers of a call; without a token it shows none."""
    body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    headers = {"Content-Type": "application/json-rpc"}
    if token and version >= _HEADER_SINCE:
        headers["Authorization"] = f"Bearer {token}"
    elif token:
        body["auth"] = token
    return encode(body), headers


def read_result(body: bytes) -> Any:
    """Return the result of an answer.

    Raises UnauthenticatedError for a token that does not hold, InputError for what is refused for good, UnavailableError for what
    may pass, also for an answer that is none of Zabbix.
    """
    try:
        answer = decode(body, dict[str, Any])
    except InputError as error:
        raise UnavailableError(f"cannot read answer of Zabbix: {error.message[:_FAULT_LIMIT]}") from error
    fault = answer.get("error")
    if fault is None and "result" in answer:
        return answer["result"]
    told = fault if isinstance(fault, dict) else {}
    text = plain(f"{told.get('data') or told.get('message') or 'no reason given'}", _FAULT_LIMIT)
    if _UNKNOWN_CALLER.search(text):
        raise UnauthenticatedError(f"cannot use interface of Zabbix: {text}", hint="is its token still good?")
    if not told or told.get("code") in _PASSING_CODES or _PASSING.search(text):
        raise UnavailableError(f"cannot use interface of Zabbix: {text}")
    raise InputError(f"cannot write to Zabbix: {text}")


def read_version(result: Any) -> tuple[int, int]:
    """Return what ``apiinfo.version`` told. Raises UnavailableError."""
    found = _VERSION.fullmatch(result) if isinstance(result, str) else None
    if found is None:
        raise UnavailableError("cannot read version of Zabbix: it tells none")
    return int(found[1]), int(found[2])


def acknowledge_params(event: str, update: Update, message: str) -> dict[str, Any]:
    """Return what ``event.acknowledge`` is asked."""
    return {"eventids": [event], "action": int(update | Update.MESSAGE), "message": plain(message, MESSAGE_LIMIT)}


def messages_params(event: str, version: tuple[int, int]) -> dict[str, Any]:
    """Return what ``event.get`` is asked for the messages of an event."""
    key = "selectAcknowledges" if version >= _CAMEL_SINCE else "select_acknowledges"
    return {"eventids": [event], "output": ["eventid"], key: ["message"]}


def has_mark(result: Any, mark: str) -> bool:
    """Tell whether the messages that were found have one of ours, ``mark``."""
    if not isinstance(result, list):
        return False
    found = [one.get("acknowledges") for one in result if isinstance(one, dict)]
    messages = [message for several in found if isinstance(several, list) for message in several]
    return any(isinstance(one, dict) and mark in str(one.get("message", "")) for one in messages)
