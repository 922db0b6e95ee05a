"""``[statsd]``: the lines that programs send of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nagare.config.setting import setting


@dataclass(frozen=True, slots=True)
class StatsdSettings:
    """``[statsd]``: StatsD lines over UDP, for programs that count and time themselves."""

    listen: str = setting("", "address to take datagrams on, HOST:PORT; empty takes none, port 0 picks a free one")
    networks: tuple[str, ...] = setting((), "networks that may send, such as 10.0.0.0/8; empty lets only this machine")
    interval_seconds: float = setting(10.0, "time between two samples of a series", unit="seconds", low=0.1, high=3600)
    labels: Mapping[str, str] = setting({}, "labels of every series; a tag of the same name wins")
    series_limit: int = setting(
        10_000, "names with their tags kept at one time; lines of further ones are dropped and counted",
        low=1, high=10**6,
    )  # fmt: skip
    idle_seconds: float = setting(
        300.0, "time without a line after which a series ends", unit="seconds", low=1, high=86400
    )
    queue_limit: int = setting(
        10_000, "datagrams that wait to be read; beyond it new ones are dropped and counted", low=10, high=10**6
    )
    receive_buffer_bytes: int = setting(
        2**21, "the kernel's buffer of waiting datagrams; net.core.rmem_max bounds it", unit="bytes", low=4096, high=2**30
    )  # fmt: skip
