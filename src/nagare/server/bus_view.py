"""The bus in numbers: where it is, how far the consumers that rooms opened are behind, and whether it answers at all."""

from __future__ import annotations

import asyncio

from nagare.bus.protocol import Bus, Consumer
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import NagareError
from nagare.wire.system import BusStatus, ConsumerLag

# Who asks for numbers does not wait for an election of NATS servers.
_ANSWER_SECONDS = 2.0


class BusView:
    """Looks at the bus when somebody asks; it costs nothing until then."""

    def __init__(self, bus: Bus, settings: Settings) -> None:
        """Look at ``bus``, which was made of ``settings``."""
        self._bus = bus
        self._kind = "jetstream" if settings.bus.servers else "embedded"
        self._place = ", ".join(settings.bus.servers) or str(Places(settings.data).bus)
        self._consumers: list[Consumer] = []

    def watch(self, consumer: Consumer) -> None:
        """Tell of ``consumer``, too."""
        self._consumers.append(consumer)

    async def status(self) -> BusStatus:
        """Return the numbers; a bus that does not answer in time is told with its fault."""
        lags: list[ConsumerLag] = []
        fault = ""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._bus.check()
                for consumer in self._consumers:
                    lag, spec = await consumer.lag(), consumer.spec
                    lags.append(ConsumerLag(spec.stream, spec.name, lag.waiting, lag.unacked))
        except NagareError as error:
            fault = error.message
        except TimeoutError:
            fault = f"no answer within {_ANSWER_SECONDS:g} s"
        return BusStatus(self._kind, self._place, lags, int(self._bus.counters.get("dead_letters")), fault)
