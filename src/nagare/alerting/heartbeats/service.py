"""Heartbeats that others owe us: taking a sign, and saying how each one stands.

What came is durable before its sender is answered. One that never came is waited for since it was defined, through restarts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nagare.alerting.heartbeats.standing import Beat, Standing, standing_of
from nagare.alerting.heartbeats.store import BeatStore
from nagare.errors import NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.model.notify.heartbeat import Heartbeat
from nagare.records.engine import Records
from nagare.wire.heartbeats import HeartbeatPing

_SAID_LIMIT = 1000
_SENDER_LIMIT = 253


class Heartbeats:
    """The heartbeats of this installation; ``follow`` brings what is kept to what is defined."""

    def __init__(
        self, records: Records, clock: Clock, counters: Counters, defined: Callable[[], Mapping[str, Heartbeat]]
    ) -> None:
        """Keep the neighbours; ``defined`` returns the definitions that hold now, by name."""
        self._store = BeatStore(records)
        self._clock = clock
        self.counters = counters
        self.defined = defined

    async def take(self, name: str, ping: HeartbeatPing, sender: str) -> Standing:
        """Keep a sign of life; durable when this returns. Raises NotFoundError."""
        heartbeat = self.defined().get(name)
        if heartbeat is None:
            hint = did_you_mean(name, self.defined()) or "nagare heartbeats list lists those that are defined"
            raise NotFoundError(f"cannot take heartbeat {name[:64]!r}: there is none of that name", hint=hint)
        now_ms = self._clock.now_ms()
        said, who = plain(ping.text, _SAID_LIMIT), plain(sender, _SENDER_LIMIT)
        beat = Beat(name, now_ms, now_ms, not ping.ok, said, ping.took_seconds, who)
        await self._store.keep(beat)
        self.counters.add("heartbeats")
        return standing_of(heartbeat, beat, now_ms)

    async def standings(self) -> list[Standing]:
        """Return how each one stands that is defined, by name."""
        beats, now_ms = await self._store.load(), self._clock.now_ms()
        return [
            standing_of(heartbeat, beats.get(name) or Beat(name, now_ms), now_ms)
            for name, heartbeat in sorted(self.defined().items())
        ]

    async def follow(self) -> None:
        """Wait for those that are newly defined from now on, and forget those that are no more."""
        beats, names, now_ms = await self._store.load(), self.defined().keys(), self._clock.now_ms()
        new, gone = names - beats.keys(), beats.keys() - names
        if new or gone or any(max(beat.known_ms, beat.seen_ms or 0) > now_ms for beat in beats.values()):
            await self._store.define(new, gone, now_ms)
