"""Looks every now and then at what monitors have: takes in what nobody told us, and ends what they have no more.

Nothing is done that a word on its way could have done: an alert of which something was heard or done lately is left alone. An answer that
does not come, or is not whole, changes nothing and is told by an alert of its own. The server that judges asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.foreign.asking import Having, ask
from nagare.alerting.foreign.intake import Intake
from nagare.alerting.foreign.writing import Monitored
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import Alert, AlertState, fingerprint_of
from nagare.model.alert.foreign import Told
from nagare.model.alert.monitor import Monitor
from nagare.model.event import Severity

log = logging.getLogger(__name__)
# What was heard or done so lately may be newer than an answer, or on its way.
SETTLED_MS = 120_000
# So many looks without an answer are told.
FAILS = 3
SOURCE = "monitors"
_LOOK_SECONDS = 5.0
_PIECE = 500
# A word of a look holds for so many more.
_LOOKS_HELD = 5


@dataclass(slots=True)
class Standing:
    """How the looks at one monitor went."""

    monitor: Monitor
    next_at: float = 0.0
    looked_ms: int = 0
    fails: int = 0
    fault: str = ""
    things: int = 0
    alerts: int = 0


class Syncing:
    """The looks; ``run`` makes them until cancelled."""

    def __init__(
        self,
        board: Board,
        intake: Intake,
        book: Monitored,
        clock: Clock,
        counters: Counters,
        leads: Callable[[], bool],
    ) -> None:
        """Keep the parts; ``leads`` tells whether this server is the one that asks."""
        self._board = board
        self._intake = intake
        self._book = book
        self._clock = clock
        self._counters = counters
        self._leads = leads
        self.standings: dict[str, Standing] = {}

    async def run(self) -> None:
        """Look at each when it is due, until cancelled."""
        while True:
            if self._leads():
                await self.look_all()
            await self._clock.sleep(_LOOK_SECONDS)

    async def look_all(self) -> None:
        """Look at each that is due, all at one time."""
        monitors = {source: one for source, one in self._book.monitors.items() if one.every_seconds}
        self.standings = {source: self._standing(source, one) for source, one in monitors.items()}
        due = [one for one in self.standings.values() if self._clock.monotonic() >= one.next_at]
        async with asyncio.TaskGroup() as tasks:
            for standing in due:
                tasks.create_task(self.look(standing))

    def _standing(self, source: str, monitor: Monitor) -> Standing:
        known = self.standings.get(source)
        return known if known is not None and known.monitor == monitor else Standing(monitor)

    async def look(self, standing: Standing) -> None:
        """Look at one, and do what follows of it."""
        monitor = standing.monitor
        standing.next_at = self._clock.monotonic() + monitor.every_seconds
        began_ms = self._clock.now_ms()
        known = {alert.fingerprint: alert for alert in self._board.open() if alert.source == monitor.source}
        active = {key: alert.labels.get("host", "") for key, alert in known.items() if _is_settled(alert, began_ms)}
        until_ms = began_ms + round(_LOOKS_HELD * monitor.every_seconds * 1000)
        try:
            having = await ask(monitor, active, began_ms, until_ms)
            await self._take(monitor, having, known, began_ms)
            await self._end(monitor, having.over, began_ms)
            fault = having.doubt
        except NagareError as error:
            fault = plain(error.message, 500)
        except Exception as error:  # noqa: BLE001  an answer that we do not understand must not end the looks at others, nor alerting
            fault = f"cannot understand its answer: {type(error).__name__}"
        else:
            standing.looked_ms, standing.things, standing.alerts = began_ms, having.things, len(having.told)
        await self._tell(standing, fault)

    async def _take(self, monitor: Monitor, having: Having, known: Mapping[str, Alert], began_ms: int) -> None:
        """Take in what we do not have, and say again what would soon be believed no more."""
        soon_ms = began_ms + round(3 * monitor.every_seconds * 1000)
        news = [told for told in having.told if _is_news(known.get(told.fingerprint), began_ms, soon_ms)]
        for start in range(0, len(news), _PIECE):
            await self._intake.take(news[start : start + _PIECE])
        fresh = sum(told.fingerprint not in known for told in news)
        self._counters.add("monitored_taken_in", fresh)

    async def _end(self, monitor: Monitor, over: frozenset[str], began_ms: int) -> None:
        steps = list(self._ends(monitor, over, began_ms))
        for start in range(0, len(steps), _PIECE):
            await self._board.room()
            # What changed meanwhile is left: the next look sees it.
            failed = await self._board.apply(steps[start : start + _PIECE])
            self._counters.add("monitored_ended", len(steps[start : start + _PIECE]) - len(failed))

    def _ends(self, monitor: Monitor, over: frozenset[str], began_ms: int) -> Iterator[Step]:
        for fingerprint in sorted(over):
            alert = self._board.find(monitor.source, fingerprint)
            if alert is not None and _is_settled(alert, began_ms):
                # As its sender would have: a late repeat of its begin changes nothing then.
                step = lifecycle.resolve(alert, monitor.source, f"{monitor.name} has it no more", self._clock.now_ms())
                if step is not None:
                    yield step

    async def _tell(self, standing: Standing, fault: str) -> None:
        standing.fails = standing.fails + 1 if fault else 0
        if fault and fault != standing.fault:
            log.warning("monitor_not_asked name=%s: %s", standing.monitor.name, fault)
        standing.fault = fault
        if fault:
            self._counters.add("monitored_failed")
        alert = _failing(standing.monitor, fault)
        known = self._board.find(SOURCE, alert.fingerprint)
        is_told = known is not None and known.is_active
        if standing.fails < FAILS and not (is_told and not fault):
            return
        try:
            await self._intake.take([alert])
        except NagareError as error:
            log.warning("monitor_fault_not_kept name=%s: %s", standing.monitor.name, error.message)


def _is_settled(alert: Alert, began_ms: int) -> bool:
    return alert.is_active and max(alert.held_ms, alert.changed_ms) < began_ms - SETTLED_MS


def _is_news(alert: Alert | None, began_ms: int, soon_ms: int) -> bool:
    if alert is None:
        return True
    if alert.state is AlertState.RESOLVED:
        # Somebody ended it here, and it goes on there.
        return alert.changed_ms < began_ms - SETTLED_MS
    return alert.believed_ms is not None and alert.believed_ms < soon_ms


def _failing(monitor: Monitor, fault: str) -> Told:
    labels = {"alertname": "MonitorFailing", "monitor": monitor.name, "kind": monitor.kind.value}
    texts = {"summary": f"{monitor.name} cannot be asked what it has: {fault}"} if fault else {}
    return Told(
        SOURCE, fingerprint_of(labels), labels, texts, Severity.WARNING, is_firing=bool(fault), is_said_once=True
    )
