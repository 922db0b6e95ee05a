"""Columns of ``probe``: all targets at one time, each on a thread that nobody waits for longer than the deadline."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.probe.attempt import Attempt, ProbeError, Prober, parse_endpoint, reason
from nagare.collect.probe.dns import DnsProber, encode_question
from nagare.collect.probe.http import parse_url, probe_http
from nagare.collect.probe.icmp import probe_icmp
from nagare.collect.probe.tcp import probe_tcp
from nagare.collect.reading.crew import Crew
from nagare.collect.reading.rows import TEXT_LIMIT, Row, columns_of
from nagare.config.settings import ProbeTarget
from nagare.errors import ConfigError, NagareError

_INTERVAL_SECONDS = 15.0
# Tries at one time; further targets wait for a free place, within the same deadline.
_THREADS = 16
TARGET_LIMIT = 200


def check_targets(targets: Sequence[ProbeTarget]) -> None:
    """Refuse targets that can never be probed. Raises ConfigError."""
    if len(targets) > TARGET_LIMIT:
        raise ConfigError(f"cannot probe {len(targets)} targets: the limit is {TARGET_LIMIT}")
    for target in targets:
        if target.kind == "tcp":
            parse_endpoint(target.target)
        elif target.kind == "http":
            parse_url(target.target)
        elif target.kind == "dns":
            encode_question(target.target)
        elif not target.target:
            raise ConfigError("cannot probe an empty target", hint="name a host in agent.probes")


class ProbeCollector:
    """Probes every target."""

    name: ClassVar[str] = "probe"
    interval_seconds: ClassVar[float | None] = _INTERVAL_SECONDS
    is_slow: ClassVar[bool] = True

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        root: Root,
        *,
        timeout_seconds: float = 10.0,
        probers: Mapping[str, Prober] | None = None,
    ) -> None:
        """Send nothing yet; one collection takes at most four fifths of ``timeout_seconds``. Raises ConfigError."""
        check_targets(targets)
        self._targets = tuple(targets)
        self._budget_seconds = timeout_seconds * 0.8
        self._probers: Mapping[str, Prober] = probers or {
            "icmp": probe_icmp,
            "tcp": probe_tcp,
            "http": probe_http,
            "dns": DnsProber(root.etc),
        }
        # Known by its place, since a target may stand twice.
        self._crew: Crew[int, Row] = Crew("probe", _THREADS)

    def collect(self, tick: Tick) -> Tables:  # noqa: ARG002  latencies are durations, not rates
        """Return one row a target; one whose last try still hangs says so and is not tried again."""
        if not self._targets:
            raise AbsentError("cannot probe: no targets are configured", hint="add [[agent.probes]] to nagare.toml")
        deadline = time.monotonic() + self._budget_seconds
        jobs = {at: partial(self._probe, target, deadline) for at, target in enumerate(self._targets)}
        told = self._crew.run(jobs, self._budget_seconds)
        rows = [told.get(at) or _unfinished(target) for at, target in enumerate(self._targets)]
        return {"probe": columns_of(rows)}

    def close(self) -> None:
        """Hold nothing but daemon threads, which end with their tries."""

    def _probe(self, target: ProbeTarget, deadline: float) -> Row:
        attempts: list[Attempt] = []
        for _ in range(target.count):
            left = deadline - time.monotonic()
            if left <= 0 and attempts:
                break
            attempts.append(self._try(replace(target, timeout_seconds=max(0.01, min(target.timeout_seconds, left)))))
        return probe_row(target, attempts)

    def _try(self, target: ProbeTarget) -> Attempt:
        try:
            return self._probers[target.kind](target)
        except (ProbeError, NagareError, OSError, ValueError) as error:
            return Attempt(error=reason(error))


def probe_row(target: ProbeTarget, attempts: Sequence[Attempt]) -> Row:
    """Return the row of all tries at one target; a single good one makes it a success, the loss tells the rest."""
    last = attempts[-1]
    good = [attempt for attempt in attempts if not attempt.error]
    latencies = [attempt.latency_seconds for attempt in attempts if attempt.latency_seconds is not None]
    is_possible = any(attempt.is_possible for attempt in attempts)
    return {
        **_key(target),
        "success": bool(good) if is_possible else None,
        "latency_seconds": sum(latencies) / len(latencies) if latencies else None,
        "latency_min_seconds": min(latencies, default=None),
        "latency_max_seconds": max(latencies, default=None),
        "loss_ratio": 1 - len(latencies) / len(attempts) if is_possible else None,
        "status_code": last.status_code,
        "certificate_expiry_seconds": last.certificate_expiry_seconds,
        "error": next((attempt.error[:500] for attempt in reversed(attempts) if attempt.error), None),
    }


def _unfinished(target: ProbeTarget) -> Row:
    attempt = Attempt(error="not finished in time; the last try still waits")
    return probe_row(target, [attempt])


def _key(target: ProbeTarget) -> dict[str, str]:
    return {"target": target.target[:TEXT_LIMIT], "kind": target.kind}
