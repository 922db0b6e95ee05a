"""Heads of requests that went through everything once: what was decided of them holds for the same bytes again.

An agent, or Prometheus, sends the same request line and headers with every request; only the length of the body and the
signature over it differ. Whoever sends the same other bytes is the same caller with the same right to the same route,
for as long as no right has changed: every entry carries the generation of the rights under which it was made.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from nagare.model.principal import Principal
from nagare.server.bodies import Holding

if TYPE_CHECKING:
    from nagare.server.services import Services

# A sender or two for each of some thousand hosts.
_HEADS = 8192
# A longer head is not worth keeping.
_HEAD_BYTES = 4096
_LENGTH = b"\r\nContent-Length: "
_SIGNATURE = b"\r\nNagare-Signature: "
_LENGTH_DIGITS = 7


# Tuples where one is made for every request: a frozen dataclass takes four times as long.
class HotCall(NamedTuple):
    """A request whose head is known: the caller, what the route made of the head, and the body."""

    services: Services
    principal: Principal
    path: str
    facts: Any
    holding: Holding
    signature: str


class HotAnswer(NamedTuple):
    """What is answered; ``headers`` beside those that every answer has."""

    status: int
    body: bytes = b""
    media: str = ""
    headers: tuple[tuple[str, str], ...] = ()


# Makes the answer of what the store replied.
Finish = Callable[[Any], HotAnswer]


@dataclass(frozen=True, slots=True)
class HotRoute:
    """What a route offers to known heads.

    ``facts`` makes of a request what ``serve`` needs to know of its head. ``serve`` answers as the route does, or raises:
    then the request goes the long way, from its first byte, so nothing may have been done that a repeat does not forgive.

    ``begin`` is the same without a task: it hands in what is to be stored, with the callback that it is given, and returns
    what makes the answer of the reply; both may raise as ``serve`` may. The callback is called with a reply or an error, on
    the loop, once and not before ``begin`` has returned. None instead leaves the request to ``serve``.
    """

    facts: Callable[[web.Request], Any]
    serve: Callable[[HotCall], Awaitable[HotAnswer]]
    begin: Callable[[HotCall, Callable[[Any], None]], Finish | None] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What was decided of a head."""

    route: HotRoute
    principal: Principal
    path: str
    encoding: str
    facts: Any
    generation: int


class Head(NamedTuple):
    """The head of a request as it is looked up: ``key`` is all of it but the length of the body and its signature."""

    key: bytes
    signature: str
    # Of head and body together.
    total_bytes: int
    body_start: int


class KnownHeads:
    """The entries of one server; used on the event loop alone."""

    def __init__(self) -> None:
        """Begin with none."""
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def find(self, head: Head, generation: int) -> Entry | None:
        """Return what is known of ``head`` while rights are as they were."""
        entry = self._entries.get(head.key)
        if entry is None:
            return None
        if entry.generation != generation:
            del self._entries[head.key]
            return None
        return entry

    def learn(self, key: bytes, entry: Entry) -> None:
        """Remember ``entry``; the one learned first makes way when there are too many."""
        self._entries[key] = entry
        if len(self._entries) > _HEADS:
            self._entries.popitem(last=False)


def read_head(content: bytes) -> Head | None:
    """Return the head of a plain POST that ``content`` begins with; None for anything else, and for half a head.

    Spelled in another way a header is a fault of nobody: such a request goes the long way.
    """
    end = content.find(b"\r\n\r\n", 0, _HEAD_BYTES)
    if end < 0 or not content.startswith(b"POST /"):
        return None
    mark = content.find(_LENGTH, 0, end)
    if mark < 0:
        return None
    start = mark + len(_LENGTH)
    stop = content.find(b"\r\n", start, end + 2)
    digits = content[start:stop]
    if not digits.isdigit() or len(digits) > _LENGTH_DIGITS:
        return None
    key = content[:mark] + content[stop:end]
    signature = ""
    signed = key.find(_SIGNATURE)
    if signed >= 0:
        begin = signed + len(_SIGNATURE)
        stop = key.find(b"\r\n", begin)
        stop = len(key) if stop < 0 else stop
        signature = key[begin:stop].decode("latin-1")
        key = key[:begin] + key[stop:]
    return Head(key, signature, end + 4 + int(digits), end + 4)


def is_whole_question(content: bytes) -> bool:
    """Tell whether ``content`` is one plain GET, whole and without a body."""
    if not content.startswith(b"GET /") or content.find(b"\r\n\r\n") != len(content) - 4:
        return False
    low = content.lower()
    return not any(sign in low for sign in (b"\r\ncontent-length:", b"\r\ntransfer-encoding:", b"\r\nupgrade:"))


def is_lasting(key: bytes) -> bool:
    """Tell whether every request with that head is like the others: no other framing, no id of its own, no second length."""
    if not key.partition(b"\r\n")[0].endswith(b" HTTP/1.1"):
        return False
    low = key.lower()
    return not any(
        sign in low
        for sign in (
            b"\r\ntransfer-encoding:",
            b"\r\nexpect:",
            b"\r\nupgrade:",
            b"\r\nx-request-id:",
            b"\r\norigin:",
            b"\r\ncontent-length:",
        )
    ) and not _closes(low)


def _closes(low: bytes) -> bool:
    return b"\r\nconnection:" in low and b"\r\nconnection: keep-alive" not in low
