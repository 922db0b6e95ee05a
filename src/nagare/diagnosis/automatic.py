"""Critical alerts that are diagnosed by themselves, one after the other: whatever becomes of one, the next has its turn."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from nagare.diagnosis.evidence.window import ALERT_BEFORE_MS, Window, window_of_alert
from nagare.diagnosis.question import Neighbours, Question
from nagare.diagnosis.waiting import Waiting
from nagare.errors import DeadlineExceededError, NagareError, NotFoundError, UnavailableError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.diagnosis.diagnosis import Scope
from nagare.wire.diagnosis import DiagnosisView

log = logging.getLogger(__name__)
_BY_ITSELF = "nagare"
# What was too busy is asked again after so long; the alerts behind it wait, which the queue of them bounds.
_PAUSES_SECONDS = (5.0, 30.0)

Diagnose = Callable[[Question], Awaitable[DiagnosisView]]


class AlertDiagnoses:
    """Asks ``diagnose`` about every alert that waits, until cancelled."""

    def __init__(
        self, waiting: Waiting, neighbours: Neighbours, diagnose: Diagnose, clock: Clock, counters: Counters
    ) -> None:
        """Keep the neighbours; ``counters`` tell of what was made and what failed."""
        self._waiting = waiting
        self._neighbours = neighbours
        self._diagnose = diagnose
        self._clock = clock
        self._counters = counters

    async def run(self) -> None:
        """Diagnose the alerts that wait, until cancelled."""
        while True:
            await self._try(await self._waiting.get())

    async def _try(self, alert_id: str) -> None:
        try:
            await self._try_again(alert_id)
        except NotFoundError:
            # It is forgotten already.
            return
        except NagareError as error:
            self._counters.add("automatic_failed")
            log.warning("alert_not_diagnosed: %s", error.message)
        except Exception:
            # A bug that one alert meets is not the end of the others.
            self._counters.add("automatic_failed")
            log.exception("alert_not_diagnosed id=%s", alert_id)

    async def _try_again(self, alert_id: str) -> None:
        for pause in _PAUSES_SECONDS:
            try:
                await self._once(alert_id)
            except (UnavailableError, DeadlineExceededError) as error:
                log.info("alert_diagnosed_later id=%s: %s", alert_id, error.message)
                await self._clock.sleep(pause)
            else:
                return
        await self._once(alert_id)

    async def _once(self, alert_id: str) -> None:
        host, began_ms = await self._neighbours.alert_of(alert_id)
        now_ms = self._clock.now_ms()
        window = window_of_alert(min(began_ms, now_ms), Window(now_ms - ALERT_BEFORE_MS, now_ms))
        sight = self._neighbours.own_sight()
        await self._diagnose(
            Question(Scope(host, alert_id), window, sight, _BY_ITSELF, is_patient=True, is_shared=True)
        )
        self._counters.add("automatic")
