"""Our own sign of life, sent to who watches us: it stops when rules are not judged any more, whatever else still runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from nagare import __version__
from nagare.config.secrets import read_secret
from nagare.errors import ConnectFailedError, NagareError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.alert import Alert
from nagare.model.event import Severity
from nagare.model.notify.heartbeat import Pulse
from nagare.net.outward import OutwardSession
from nagare.wire.codec import encode
from nagare.wire.heartbeats import PulseNote

log = logging.getLogger(__name__)
# A round of judging takes no longer than its slowest statement may, and rounds come four times a second.
_LATELY_SECONDS = 90.0
_DEADLINE_SECONDS = 10.0
# Until the next try, or the next look at whether there is anything to say.
_AGAIN_SECONDS = 5.0


class Vitals(Protocol):
    """What of judging tells whether it lives."""

    @property
    def leads(self) -> bool:
        """Whether this server judges."""
        ...

    @property
    def idle_seconds(self) -> float:
        """The time since all that was due was judged last."""
        ...

    @property
    def failing(self) -> int:
        """How many rules cannot be judged."""
        ...


class Pulsing:
    """Sends until cancelled, by ``run``."""

    def __init__(
        self, wanted: Callable[[], Pulse | None], vitals: Vitals, alerts: Callable[[], Iterable[Alert]], clock: Clock, counters: Counters
    ) -> None:  # fmt: skip
        """Keep the parts; ``wanted`` returns what is to be sent now, None while nothing is, ``alerts`` those that are open."""
        self.wanted = wanted
        self._vitals = vitals
        self._alerts = alerts
        self._clock = clock
        self.counters = counters
        # Why the last one was not sent; empty when it was.
        self.fault = ""

    async def run(self) -> None:
        """Send, until cancelled."""
        async with OutwardSession() as session:
            while True:
                pulse = self.wanted()
                is_sent = pulse is not None and await self.beat(session, pulse)
                await self._clock.sleep(pulse.every_seconds if pulse is not None and is_sent else _AGAIN_SECONDS)

    async def beat(self, session: OutwardSession, pulse: Pulse) -> bool:
        """Send one if rules are judged here; tell whether it was sent."""
        if not self._vitals.leads:
            # The server that judges sends its own.
            return False
        try:
            self._check_life()
            await self._send(session, pulse)
        except NagareError as error:
            self._failed(error.message)
            return False
        if self.fault:
            log.info("pulse_sent_again")
        self.fault = ""
        self.counters.add("pulses_sent")
        return True

    def note(self) -> PulseNote:
        """Return what there is to say."""
        counts = dict.fromkeys((level.name.lower() for level in reversed(Severity)), 0)
        for alert in self._alerts():
            if alert.is_active:
                counts[alert.severity.name.lower()] += 1
        failing = self._vitals.failing
        return PulseNote("degraded" if failing else "ok", counts, failing, __version__, format_ms(self._clock.now_ms()))

    def _check_life(self) -> None:
        idle = self._vitals.idle_seconds
        if idle > _LATELY_SECONDS:
            raise ConnectFailedError(f"cannot send pulse: rules were not judged for {idle:.0f} s")

    async def _send(self, session: OutwardSession, pulse: Pulse) -> None:
        address = await asyncio.to_thread(read_secret, pulse.secret_file, pulse.secret_env)
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                status = await session.post_json(address, encode(self.note()))
        except TimeoutError:
            raise ConnectFailedError(f"cannot send pulse: no answer within {_DEADLINE_SECONDS:g} s") from None
        if not 200 <= status < 300:
            raise ConnectFailedError(f"cannot send pulse: it was answered with status {status}")

    def _failed(self, fault: str) -> None:
        self.counters.add("pulses_failed")
        if not self.fault:
            log.warning("pulse_not_sent: %s", fault)
        self.fault = fault
