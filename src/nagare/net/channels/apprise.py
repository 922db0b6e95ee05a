"""Channels behind a URL of the library apprise, which knows a hundred messengers.

It runs in a child process, one a delivery: the library blocks and may hang, keeps threads, and what it loads a server must not carry.
The URL travels on standard input, and of the server's environment, which may hold secrets, it has what ``_ENVIRONMENT`` names. What would run a program of this machine or speak to its desktop is refused, and no file is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nagare.config.surroundings import variable
from nagare.errors import ConfigError, InputError, UnavailableError
from nagare.lib.invariant import invariant
from nagare.lib.plain_text import plain
from nagare.model.event import Severity
from nagare.model.notify.notice import Delivery
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.net.channels.http import DEADLINE_SECONDS
from nagare.net.channels.secret import Secrets, hidden
from nagare.wire.codec import decode, encode

# What speaks to the desktop, the log or the hardware of this machine; ``file`` and what a configuration is read from are no messengers.
REFUSED = frozenset(
    {"dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows", "syslog", "blink1", "file", "memory"}
)
# What it needs to find its way: whom it trusts, and the proxies, which this channel alone uses.
_ENVIRONMENT = (
    "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
# A child is an interpreter of its own: this many at a time, the others wait within their deadline.
_CHILDREN_LIMIT = 4
_FAULT_LIMIT = 300
_SCHEME = re.compile(r"\s*([A-Za-z0-9]{1,12}):/")
# As the library writes a status into its log.
_STATUS = re.compile(r"\berror=(\d{3})\b")
_KINDS: Mapping[int, str] = {Severity.CRITICAL: "failure", Severity.HIGH: "failure", Severity.WARNING: "warning"}
_AGAIN = frozenset({"408", "425", "429"})


@dataclass(frozen=True, slots=True)
class Message:
    """What the child is told to send; ``kind`` is one of the library's four."""

    url: str
    title: str
    body: str
    kind: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the child says: no ``fault`` means it was sent."""

    fault: str = ""
    is_final: bool = False


class AppriseSender:
    """Sends by children that are killed when they take too long."""

    def __init__(
        self,
        secrets: Secrets,
        render: Callable[[Delivery, str], tuple[str, str]],
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Send what ``render`` makes of a delivery and the page that acknowledges: a title and a body."""
        self._secrets = secrets
        self._render = render
        self._deadline_seconds = deadline_seconds
        self._room = asyncio.Semaphore(_CHILDREN_LIMIT)

    async def send(self, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:  # noqa: ARG002  the library changes nothing that was sent
        """Send ``delivery``; see ``Sender.send``."""
        secret = ""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                secret = await self._secrets.read(channel)
                _check_scheme(channel, secret)
                title, body = self._render(delivery, ack_url)
                async with self._room:
                    answer = await _ask_child(Message(secret, title, body, _kind(delivery)))
        except TimeoutError:
            return NotSent(f"cannot send to {channel.key}: not sent within {self._deadline_seconds:g} s")
        except UnavailableError as error:
            return NotSent(error.message)
        except ConfigError as error:
            return NotSent(error.message, is_final=True)
        except OSError as error:
            cause = plain(error.strerror or type(error).__name__, _FAULT_LIMIT)
            return NotSent(f"cannot send to {channel.key}: cannot start a process: {cause}")
        if not answer.fault:
            return Sent()
        fault = plain(hidden(answer.fault, secret), _FAULT_LIMIT)
        return NotSent(f"cannot send to {channel.key}: {fault}", is_final=answer.is_final or _is_refused(answer.fault))


def _check_scheme(channel: Channel, url: str) -> None:
    found = _SCHEME.match(url)
    if found is None:
        raise ConfigError(f"cannot send to {channel.key}: its secret is no URL of apprise")
    scheme = found[1].lower()
    if scheme in REFUSED:
        raise ConfigError(
            f"cannot send to {channel.key}: {scheme}:// would act on the server's own machine, which no channel may"
        )


def _kind(delivery: Delivery) -> str:
    return "success" if delivery.notice.is_over else _KINDS.get(delivery.notice.severity, "info")


def _is_refused(fault: str) -> bool:
    """Tell whether a provider said that it is our fault: a status of 4xx that does not pass."""
    found = _STATUS.search(fault)
    return found is not None and found[1].startswith("4") and found[1] not in _AGAIN


def _environment() -> dict[str, str]:
    places = [place for place in variable("PYTHONPATH").split(os.pathsep) if os.path.isabs(place)]  # noqa: PTH117  an empty text is no place, but a path
    found = {name: text for name in _ENVIRONMENT if (text := variable(name))}
    return {**found, "LANG": "C.UTF-8", **({"PYTHONPATH": os.pathsep.join(places)} if places else {})}


async def _ask_child(message: Message) -> Answer:
    # -P: a module in the working directory must not stand in for the library, nor one that a place without a root leads to.
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "nagare.net.channels.apprise_child",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
    )  # fmt: skip
    try:
        return await _converse(child, encode(message))
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _converse(child: asyncio.subprocess.Process, message: bytes) -> Answer:
    invariant(child.stdin is not None and child.stdout is not None, "a child started with pipes must have them")
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(ConnectionError):
        child.stdin.write(message)
        await child.stdin.drain()
    child.stdin.close()
    try:
        # A line and not the end: threads of the library may keep the child from ending.
        return decode(await child.stdout.readline(), Answer)
    except (InputError, ValueError):
        return Answer("the library ended without a word")
