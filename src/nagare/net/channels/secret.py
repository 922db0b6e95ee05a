"""The secrets of channels: read anew at each sending, and taken out of everything that is told."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nagare.config.surroundings import variable
from nagare.errors import ConfigError, UnavailableError
from nagare.model.notify.receiver import Channel
from nagare.net.causes import os_cause

_LIMIT_BYTES = 8192
# Shorter parts of an address are no secrets, but words.
_PART_LENGTH = 6
_SEPARATORS = re.compile(r"[/:?&=@#,;]+")


class Secrets:
    """Reads secrets off the loop; ``close`` it."""

    def __init__(self) -> None:
        """Start nothing yet."""
        # A file on a network that hangs must not keep those of other channels waiting.
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="channel-secret")

    async def read(self, channel: Channel) -> str:
        """Return the secret, empty for a channel that has none.

        Raises ConfigError, and UnavailableError where it cannot be read now: a file is written anew, a share is away, so it is tried again.
        """
        if channel.secret_file:
            loop = asyncio.get_running_loop()
            secret = await loop.run_in_executor(self._threads, _from_file, channel)
        elif channel.secret_env:
            secret = variable(channel.secret_env).strip()
            if not secret:
                raise _unusable(channel, f"environment variable {channel.secret_env} is not set")
        else:
            return ""
        if channel.secret_file and not secret:
            raise UnavailableError(
                _told(channel, f"{channel.secret_file}: it is empty, and must hold one line of text")
            )
        # A line break inside would end a header.
        if not secret or not secret.isprintable():
            raise _unusable(channel, "it must hold one line of text")
        return secret

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def hidden(text: str, secret: str) -> str:
    """Return ``text`` without ``secret``, and of a URL without any of its parts but its scheme; http and https show their host, too."""
    for part in sorted(_parts(secret), key=len, reverse=True):
        text = text.replace(part, "***")
    return text


def _parts(secret: str) -> set[str]:
    whole = {secret, unquote(secret)}
    parts = {part for one in whole for part in _SEPARATORS.split(one) if len(part) >= _PART_LENGTH}
    return {part for part in (*whole, *parts) if part} - _shown(secret)


def _shown(secret: str) -> set[str]:
    try:
        parts = urlsplit(secret)
    except ValueError:
        return set()
    if parts.scheme in ("http", "https"):
        return {parts.scheme, parts.hostname or ""}
    # Where apprise has no host, a token stands in its place; and before the colon of a pair stands no scheme.
    return {parts.scheme} if "://" in secret else set()


def _from_file(channel: Channel) -> str:
    try:
        with Path(channel.secret_file).open("rb") as file:
            return file.read(_LIMIT_BYTES).decode().strip()
    except OSError as error:
        raise UnavailableError(_told(channel, f"{channel.secret_file}: {os_cause(error)}")) from error
    except UnicodeDecodeError as error:
        raise _unusable(channel, f"{channel.secret_file}: not UTF-8") from error


def _unusable(channel: Channel, cause: str) -> ConfigError:
    return ConfigError(_told(channel, cause))


def _told(channel: Channel, cause: str) -> str:
    return f"cannot send to {channel.key}: cannot use its secret: {cause}"
