"""What is remembered of foreign senders: the codecs with the series they met, one set for each host's token.

Tokens without a host share one set. A host's set numbers that host's series only, so no sender can name another's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from nagare.interop.host_bound import HostBound
from nagare.interop.influx.codec import InfluxCodec
from nagare.interop.otlp.codec import OtlpCodec
from nagare.interop.remote_write.codec import RemoteWriteCodec
from nagare.model.principal import Principal
from nagare.model.samples import SeriesId, SeriesIntern

# A host has some thousand series of some 200 bytes; the shared sender may bring a whole fleet's.
_SHARED_BYTES = 128 * 2**20
_HOST_BYTES = 2**20
# A forgotten one loses the running totals of its deltas.
_HOSTS = 1024


@dataclass(frozen=True, slots=True)
class Sender:
    """The codecs of one sender. ``deltas`` is held from reading an OTLP request until its deltas count."""

    intern: SeriesIntern
    remote_write: RemoteWriteCodec
    otlp: OtlpCodec
    influx: InfluxCodec
    exposition: dict[bytes, SeriesId] = field(default_factory=dict)
    deltas: asyncio.Lock = field(default_factory=asyncio.Lock)


class Senders:
    """Hands out senders; those not heard of for long are forgotten."""

    def __init__(self, series: SeriesIntern) -> None:
        """Number series by ``series``."""
        self._series = series
        self._shared = _sender(series, _SHARED_BYTES)
        self._by_host: OrderedDict[str, Sender] = OrderedDict()

    def get(self, principal: Principal) -> Sender:
        """Return the sender that ``principal`` is."""
        host = principal.host
        if host is None:
            return self._shared
        sender = self._by_host.get(host)
        if sender is None:
            sender = self._by_host[host] = _sender(HostBound(self._series, host), _HOST_BYTES, host)
            if len(self._by_host) > _HOSTS:
                self._by_host.popitem(last=False)
        self._by_host.move_to_end(host)
        return sender


def _sender(series: SeriesIntern, memory_bytes: int, host: str | None = None) -> Sender:
    influx = InfluxCodec(memory_bytes, host=host)
    return Sender(series, RemoteWriteCodec(series, memory_bytes), OtlpCodec(series, memory_bytes), influx)
