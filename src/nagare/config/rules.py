"""What a single value's type cannot say: addresses, names and fingerprints that are written wrong.

Each rule is told the value and returns what is wrong with it, or nothing; ``config.load`` adds where the value stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from nagare.config.coerce import BadValueError
from nagare.errors import InvalidLabelError
from nagare.lib.names import check_host

_PIN = re.compile(r"[0-9a-fA-F]{64}")


def _listen(value: str) -> str:
    host, separator, port = value.strip().rpartition(":")
    if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        return "not HOST:PORT, such as 127.0.0.1:8750 or [::1]:8750"
    return ""


def _address(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return "not a URL, such as https://ops.example.net:8750"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "not an http or https URL, such as https://ops.example.net:8750"
    # A secret in a URL ends in logs and process lists.
    return "it carries a user or a password; give a token file instead" if "@" in parts.netloc else ""


def _host(value: str) -> str:
    if not value:
        return ""
    try:
        check_host(value)
    except InvalidLabelError as error:
        return error.message.partition(": ")[2]
    return ""


def _pin(value: str) -> str:
    return (
        ""
        if not value or _PIN.fullmatch(value.strip().lower().removeprefix("sha256:").replace(":", ""))
        else "not a SHA-256 in hex, 64 digits"
    )


RULES: Mapping[str, Callable[[Any], str]] = {
    "server.listen": _listen,
    "agent.server": _address,
    "client.server": _address,
    "agent.name": _host,
    "agent.server_pin": _pin,
}


def check(key: str, value: Any) -> Any:
    """Return ``value`` if it may stand for ``key``. Raises BadValueError."""
    rule = RULES.get(key)
    fault = rule(value) if rule is not None else ""
    if fault:
        raise BadValueError(fault)
    return value
