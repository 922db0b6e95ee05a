"""Links in notifications by which an incident can be acknowledged: signed, for one channel, for a time, and for once.

A link says nothing that a stranger could use: an incident's id, a digest of its channel and a moment, signed by a key of this server.
Whatever is shown, the same is done before it is refused, so that the time of an answer tells nothing of the link.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from nagare.alerting.notify.link_store import LinkStore, Used
from nagare.errors import ConflictError, PermissionDeniedError
from nagare.keys.link_key import load_or_make_link_key
from nagare.lib.clock import Clock
from nagare.lib.invariant import invariant
from nagare.lib.rfc3339 import format_ms
from nagare.records.engine import Records

PATH = "/ack/"
_DIGEST_DIGITS = 12
# Far more than a link has, and little enough to be signed for anybody who asks.
_TOKEN_LIMIT = 400
# Who began and was cut off: another one goes on after so long.
_BEGUN_MS = 30_000


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says: ``id`` tells it from every other, ``channel`` is a digest of the channel's key; Unix milliseconds."""

    id: str
    incident: str
    channel: str
    until_ms: int


def channel_digest(channel_key: str) -> str:
    """Return by what links name a channel."""
    return hashlib.sha256(channel_key.encode()).hexdigest()[:_DIGEST_DIGITS]


class AckLinks:
    """Makes links and takes them back; ``async with`` reads the key, or makes it."""

    def __init__(self, records: Records, key_file: Path, base: str, clock: Clock) -> None:
        """Keep the neighbours; ``base`` is the address of this server as people know it, empty where they know none."""
        self._key_file = key_file
        self._base = base.rstrip("/")
        self._clock = clock
        self._key = b""
        self.store = LinkStore(records)

    async def __aenter__(self) -> Self:
        """Read the key, or make it. Raises ConfigError."""
        self._key = await asyncio.to_thread(load_or_make_link_key, self._key_file)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""

    def url(self, incident_id: str, channel_key: str, until_ms: int) -> str:
        """Return the address of a page that acknowledges the incident, until then; empty where people could not reach it."""
        if not self._base:
            return ""
        payload = f"{incident_id}.{channel_digest(channel_key)}.{until_ms}".encode()
        return f"{self._base}{PATH}{self._signed(payload)}"

    async def find(self, token: str) -> tuple[Link, Used | None]:
        """Return what a link says, and who used it before. Raises PermissionDeniedError for one that is forged or over."""
        token = token[:_TOKEN_LIMIT]
        payload = _payload_of(token)
        is_ours = hmac.compare_digest(self._signed(payload).encode(), token.encode(errors="replace"))
        # Asked for a forged one as well: it takes as long as any.
        link_id = hashlib.sha256(token.encode(errors="replace")).hexdigest()
        used = await self.store.find(link_id)
        link = _link_of(link_id, payload) if is_ours else None
        if link is None:
            raise PermissionDeniedError("cannot open link: it is none of this server's, or a part of it is missing")
        if link.until_ms <= self._clock.now_ms():
            raise PermissionDeniedError(f"cannot open link: it ended at {format_ms(link.until_ms)}")
        return link, used

    async def begin(self, link: Link, actor: str) -> None:
        """Take a link for ``actor``. Raises ConflictError, which says who did so before."""
        now_ms = self._clock.now_ms()
        used = Used(link.id, link.incident, actor, now_ms, link.until_ms)
        if await self.store.add(used):
            return
        before = await self.store.find(link.id)
        # Who was first may have been cut off before it was done.
        if before is None or before.done_ms is not None or 0 <= now_ms - before.used_ms < _BEGUN_MS:
            raise already(before or used)

    async def finish(self, link: Link) -> None:
        """Say that what the link is for was done."""
        await self.store.done(link.id, self._clock.now_ms())

    def _signed(self, payload: bytes) -> str:
        invariant(bool(self._key), "links must be entered before one is signed")
        return f"{_b64(payload)}.{_b64(hmac.digest(self._key, payload, 'sha256'))}"


def already(used: Used) -> ConflictError:
    """Return what is said of a link that was used."""
    return ConflictError(f"cannot acknowledge: {used.actor} did so at {format_ms(used.used_ms)}, by this link")


def _payload_of(token: str) -> bytes:
    """Return what a token says, empty where it cannot be read; nothing of it is verified."""
    part = token.partition(".")[0]
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


def _link_of(link_id: str, payload: bytes) -> Link | None:
    parts = payload.decode(errors="replace").rsplit(".", 2)
    if len(parts) != 3 or not parts[2].isdigit():
        return None
    return Link(link_id, parts[0], parts[1], int(parts[2]))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
