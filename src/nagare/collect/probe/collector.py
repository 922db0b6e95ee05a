"""Columns of ``probe``: all targets at one time, each on a thread that nobody waits for longer than the deadline."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.probe.attempt import Attempt, ProbeError, Prober, parse_endpoint, reason
from nagare.collect.probe.dns import DnsProber, encode_question
from nagare.collect.probe.http import parse_url, probe_http
from nagare.collect.probe.icmp import probe_icmp
from nagare.collect.probe.tcp import probe_tcp
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
    """Probes every target. ``_busy``, and the queue and rows of a round, are guarded by ``_changed``."""

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
        self._changed = threading.Condition()
        # Targets whose try has not come back, by place: a name may take minutes to fail to resolve.
        self._busy: set[int] = set()

    def collect(self, tick: Tick) -> Tables:  # noqa: ARG002  latencies are durations, not rates
        """Return one row a target; one whose last try still hangs says so and is not tried again."""
        if not self._targets:
            raise AbsentError("cannot probe: no targets are configured", hint="add [[agent.probes]] to nagare.toml")
        deadline = time.monotonic() + self._budget_seconds
        rows: dict[int, Row] = {}
        with self._changed:
            idle = [at for at in range(len(self._targets)) if at not in self._busy]
            workers = min(len(idle), _THREADS - len(self._busy))
        queue = deque(idle)
        for _ in range(workers):
            threading.Thread(target=self._work, args=(queue, rows, deadline), name="probe", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: len(rows) == len(idle), timeout=self._budget_seconds)
            done = dict(rows)
        return {"probe": columns_of([done.get(at) or _unfinished(target) for at, target in enumerate(self._targets)])}

    def close(self) -> None:
        """Hold nothing but daemon threads, which end with their tries."""

    def _work(self, queue: deque[int], rows: dict[int, Row], deadline: float) -> None:
        while True:
            with self._changed:
                if not queue or time.monotonic() >= deadline:
                    return
                at = queue.popleft()
                self._busy.add(at)
            row: Row | None = None
            try:
                row = self._probe(self._targets[at], deadline)
            finally:
                with self._changed:
                    self._busy.discard(at)
                    rows[at] = row or _unfinished(self._targets[at])
                    self._changed.notify_all()

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
        "latency_seconds": fmean(latencies) if latencies else None,
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
