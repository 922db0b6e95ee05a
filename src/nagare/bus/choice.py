"""Which bus it is to be: embedded unless NATS servers are configured. Only the one that is used is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nagare.bus.protocol import Bus
from nagare.config.settings import BusSettings
from nagare.errors import ConfigError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters


def make_bus(settings: BusSettings, path: Path, clock: Clock) -> Bus:
    """Return the bus that ``settings`` name, else the one in the file ``path``. Raises ConfigError without nats-py."""
    if not settings.servers:
        from nagare.bus.embedded.bus import EmbeddedBus  # noqa: PLC0415

        return EmbeddedBus(path, clock)
    with _an_extra():
        from nagare.bus.jetstream.bus import JetStreamBus  # noqa: PLC0415
    return JetStreamBus(settings, clock)


async def check_servers(settings: BusSettings, clock: Clock) -> None:
    """Return when the NATS servers of ``settings`` let us in and JetStream answers; nothing is made there.

    Raises ConfigError, ConnectFailedError, UnavailableError.
    """
    with _an_extra():
        from nagare.bus.jetstream.connection import Connection  # noqa: PLC0415
    connection = Connection(settings, clock, Counters())
    await connection.open()
    try:
        await connection.check()
    finally:
        await connection.close()


@contextmanager
def _an_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("nats", "nkeys"):
            raise
        raise ConfigError(
            "cannot use the bus in NATS: the package nats-py is not installed", hint="pip install 'nagare[nats]'"
        ) from None
