"""The open alerts in memory, written through: what has a turn is durable before anybody is told of it.

What only was measured anew (a value, the last moment it held) is written now and then: a crash costs no more than that.
Several servers may write; each write is on top of the revision that was read, and who comes second reads again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from nagare.alerting.alerts.events import turn_event
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.store import AlertStore
from nagare.errors import ConflictError, NagareError, NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.teller import Teller
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.event import Event, Severity

# Told again after a start: an event that is there already is the same.
_AGAIN_MS = 600_000
# No more than may wait to be told at one time.
_AGAIN_LIMIT = 5_000
_TRIES = 5


class Board:
    """The open alerts. ``load`` reads them."""

    def __init__(self, store: AlertStore, teller: Teller[Event], clock: Clock) -> None:
        """Begin with none."""
        self.store = store
        self._teller = teller
        self._clock = clock
        self._alerts: dict[tuple[str, str], Alert] = {}
        self._by_rule: dict[str, set[tuple[str, str]]] = {}
        self._by_source = Counter[str]()
        self._measured: dict[str, Step] = {}
        # Rises with every change of what is active, or of what it is called and how bad it is; who is to hear of that is called then, and must be quick.
        self.version = 0
        self.on_change: Callable[[], None] = _nobody_listens

    async def load(self) -> None:
        """Read all open alerts, and tell again what may not have been told."""
        await self.follow()
        # Behind the newest turn, not behind now: a server may have been away for long.
        newest_ms = min(await self.store.newest_turn_ms(), self._clock.now_ms())
        for alert, seq, turn in await self.store.turns_since(newest_ms - _AGAIN_MS, _AGAIN_LIMIT):
            if (event := turn_event(alert, seq, turn)) is not None:
                self._teller.tell(event)

    async def follow(self) -> None:
        """Read all open alerts, as another server left them."""
        found = await self.store.load_open()
        self._alerts, self._by_rule, self._by_source = {}, {}, Counter()
        self._measured.clear()
        self._changed()
        for alert in found:
            self._keep(alert)

    def find(self, source: str, fingerprint: str) -> Alert | None:
        """Return the open alert of a thing, or None."""
        return self._alerts.get((source, fingerprint))

    def of_rule(self, rule: str) -> list[Alert]:
        """Return the open alerts of a rule."""
        return [self._alerts[key] for key in self._by_rule.get(rule, ())]

    def count_of(self, source: str) -> int:
        """Return how many open alerts a source has."""
        return self._by_source[source]

    def rules(self) -> set[str]:
        """Return the names of rules that have open alerts."""
        return {rule for rule, keys in self._by_rule.items() if keys}

    def open(self) -> Iterable[Alert]:
        """Return the open alerts."""
        return self._alerts.values()

    def counts(self) -> Counter[tuple[str, int]]:
        """Return how many there are by state and severity."""
        return Counter((alert.state.value, int(alert.severity)) for alert in self._alerts.values())

    async def room(self) -> None:
        """Return once there is room for what is to be told of many turns."""
        await self._teller.room()

    async def apply(
        self, steps: Sequence[Step], runner: str = "", term: int = 0, *, writes_all: bool = False
    ) -> set[str]:
        """Keep ``steps``; return the ids of those that were not: another server was first, and its word was read.

        ``writes_all``: what only was measured is durable as well.
        """
        turned = [step for step in steps if writes_all or step.turns or step.is_dropped]
        kept = await self.store.apply(turned, runner, term) if turned else {}
        failed = {step.alert.id for step in turned} - kept.keys()
        for step in turned:
            if step.alert.id in failed:
                await self._read_again(step.alert)
                continue
            self._measured.pop(step.alert.id, None)
            alert = kept[step.alert.id]
            self._drop(step.alert) if alert is None else self._keep(alert)
            if alert is not None:
                self._tell(step, alert)
        for step in steps:
            if writes_all or step.turns or step.is_dropped:
                continue
            known = self._alerts.get(step.alert.key)
            # What somebody did meanwhile stands: this was measured on what was before.
            if known is None or (known.id, known.revision) != (step.alert.id, step.alert.revision):
                continue
            self._keep(step.alert)
            self._measured[step.alert.id] = step
        return failed

    async def write_measured(self, runner: str = "", term: int = 0) -> None:
        """Keep what was measured since the last time."""
        steps, self._measured = list(self._measured.values()), {}
        if not steps:
            return
        try:
            kept = await self.store.apply(steps, runner, term)
        except NagareError:
            self._measured = {step.alert.id: step for step in steps} | self._measured
            raise
        for step in steps:
            if (alert := kept.get(step.alert.id)) is None:
                await self._read_again(step.alert)
            else:
                self._written(step.alert, alert)

    async def change(self, alert_id: str, verb: Callable[[Alert], Step | None]) -> tuple[Alert, bool]:
        """Do ``verb`` with an alert; return it and whether that changed it. Raises NotFoundError, ConflictError."""
        for _ in range(_TRIES):
            alert = await self.get(alert_id)
            step = verb(alert)
            if step is None:
                return alert, False
            if not await self.apply([step]):
                found = self._alerts.get(alert.key)
                return (found if found is not None and found.id == alert_id else await self.get(alert_id)), True
        raise ConflictError(f"cannot change alert {alert_id}: it changes all the time", hint="try again")

    async def get(self, alert_id: str) -> Alert:
        """Return the alert of that id, open or not. Raises NotFoundError."""
        found = await self.store.find(alert_id)
        if found is None:
            raise not_found(alert_id)
        return self.newest(found)

    def newest(self, stored: Alert) -> Alert:
        """Return ``stored`` with what was measured of it since."""
        known = self._alerts.get(stored.key)
        return known if known is not None and (known.id, known.revision) == (stored.id, stored.revision) else stored

    def _written(self, before: Alert, after: Alert) -> None:
        """Keep ``after``, but what was measured while it was being written."""
        known = self._alerts.get(after.key)
        if known is None or known.id != after.id:
            self._keep(after)
        elif known.revision == before.revision:
            self._keep(replace(known, revision=after.revision))
        if (newer := self._measured.get(after.id)) is not None and newer.alert.revision == before.revision:
            self._measured[after.id] = replace(newer, alert=replace(newer.alert, revision=after.revision))

    async def _read_again(self, alert: Alert) -> None:
        self._measured.pop(alert.id, None)
        self._drop(alert)
        # Of its thing another one may be open by now.
        found = await self.store.find_open(*alert.key)
        if found is not None:
            self._keep(found)

    def _keep(self, alert: Alert) -> None:
        if alert.state is AlertState.CLOSED:
            self._drop(alert)
            return
        known = self._alerts.get(alert.key)
        is_new = known is None or _stands(known) != _stands(alert)
        if known is None:
            self._by_source[alert.source] += 1
        self._alerts[alert.key] = alert
        self._by_rule.setdefault(alert.rule, set()).add(alert.key)
        if is_new:
            self._changed()

    def _drop(self, alert: Alert) -> None:
        known = self._alerts.get(alert.key)
        if known is not None and known.id == alert.id:
            self._changed()
            del self._alerts[alert.key]
            self._by_source[alert.source] -= 1
            self._by_rule.get(alert.rule, set()).discard(alert.key)

    def _changed(self) -> None:
        self.version += 1
        self.on_change()

    def _tell(self, step: Step, alert: Alert) -> None:
        for place, turn in enumerate(step.turns, start=1):
            event = turn_event(alert, step.alert.revision + place, turn)
            if event is not None:
                self._teller.tell(event)


def _stands(alert: Alert) -> tuple[AlertState, Severity, Mapping[str, str]]:
    """Return what inhibition, routes and silences look at."""
    return alert.state, alert.severity, alert.labels


def _nobody_listens() -> None:
    """Nobody is to hear of changes."""


def not_found(alert_id: str) -> NotFoundError:
    """Return what is said of an alert that is not there, or that the caller must not know of: the same."""
    return NotFoundError(
        f"cannot find alert {alert_id[:40]!r}: there is none of that id", hint="nagare alerts list lists them"
    )
