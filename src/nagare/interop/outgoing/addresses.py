"""The addresses that channels are sent to, checked before anything is. Pure."""

from __future__ import annotations

import base64
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from nagare.errors import ConfigError
from nagare.model.notify.receiver import Channel

_LIMIT = 8192
JSON = {"Content-Type": "application/json"}


def checked(channel: Channel, url: str) -> tuple[str, dict[str, str]]:
    """Return ``url`` without user and password, and the header that shows those. Raises ConfigError; it names no part of the URL."""
    parts = _parts(url)
    if parts is None or len(url) > _LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError(f"cannot send to {channel.key}: its address is no http or https URL")
    place = parts.netloc.rpartition("@")[2]
    shown = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        shown["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return urlunsplit((parts.scheme, place, parts.path or "/", parts.query, "")), shown


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if is_whole else None


def below(channel: Channel, default: str, path: str) -> str:
    """Return ``path`` below the server of ``channel``, ``default`` where it names none. Raises ConfigError."""
    base, _ = checked(channel, channel.options.get("url") or default)
    return f"{base.rstrip('/')}/{path}"


def needed(channel: Channel, name: str) -> str:
    """Return an option. Raises ConfigError where it is missing."""
    found = channel.options.get(name, "")
    if not found:
        raise ConfigError(f"cannot send to {channel.key}: its option {name} is missing")
    return found
