"""The room of alerts: its verbs, and the loop that judges rules."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board, not_found
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.alerts.views import Held, Sees, alert_view, sees_all, turn_view, why_view
from nagare.alerting.alerts.wanted import Wanted
from nagare.alerting.foreign.intake import Intake
from nagare.alerting.foreign.store import WriteStore
from nagare.alerting.foreign.syncing import Syncing
from nagare.alerting.foreign.writing import Writing
from nagare.alerting.heartbeats.pulse import Pulsing
from nagare.alerting.heartbeats.service import Heartbeats
from nagare.alerting.notify.book import NotifyBook
from nagare.alerting.notify.outbox import Tools
from nagare.alerting.notify.room import Room, Ways
from nagare.alerting.notify.service import Notifier
from nagare.alerting.rules.book import RuleBook
from nagare.alerting.rules.judge import Judge
from nagare.alerting.rules.service import RuleService
from nagare.alerting.silences.service import Silences
from nagare.alerting.store import AlertStore
from nagare.config.settings import AlertSettings
from nagare.errors import ConflictError, InputError, NagareError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.pages import PIECE_LIMIT, read_page
from nagare.lib.plain_text import plain
from nagare.lib.teller import Teller
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.alert.inhibition import Inhibited
from nagare.model.event import Event
from nagare.model.principal import Principal
from nagare.records.engine import Records
from nagare.wire.alerts import AlertDetail, AlertList, AlertView, WhyView
from nagare.wire.sql import SqlReply, SqlRequest

log = logging.getLogger(__name__)
_FILES_SECONDS = 5.0
_SILENCES_SECONDS = 5.0
_TIDY_SECONDS = 3600.0
_TIDY_COUNT = 1000
_CAUSE_LIMIT = 1000
_AT_A_TIME = 50
# Of more alerts than these it is found out on another thread what holds which back.
_INLINE_LIMIT = 500


class Neighbours(Protocol):
    """What alerts need of the server's other rooms."""

    async def ask(self, request: SqlRequest) -> SqlReply:
        """Return the answer to a statement, with the sight of the server itself. Raises what a query raises."""
        ...

    async def event_happened(self, event: Event) -> None:
        """Store an event; a repeat is harmless. Raises StorageError."""
        ...

    def maintenance_of(self, host: str) -> str:
        """Return why that host is in maintenance now, empty when it is not."""
        ...

    def labels_of(self, host: str) -> Mapping[str, str]:
        """Return the labels of that host, none of one that is not known."""
        ...


class Alerts:
    """The room; ``async with`` reads what is open, ``run`` judges until cancelled."""

    def __init__(
        self,
        records: Records,
        settings: AlertSettings,
        neighbours: Neighbours,
        clock: Clock,
        ways: Ways,
        *,
        is_alone: bool = True,
    ) -> None:
        """Read the rules and the routes. Raises ConfigError. ``is_alone``: no other server has these records."""
        self._settings = settings
        self._neighbours = neighbours
        self._clock = clock
        self.counters = Counters()
        self._teller = Teller[Event](neighbours.event_happened, clock, self.counters)
        self.store = AlertStore(records)
        self.board = Board(self.store, self._teller, clock)
        self.book = RuleBook(settings.rules, shipped=settings.shipped)
        self.silences = Silences(records, clock)
        self.judge = Judge(self.board, self.book, neighbours.ask, clock, self.counters, is_alone=is_alone)
        self.rules = RuleService(records, self.book, self.board, self.judge, clock)
        self.intake = Intake(self.board, clock, self.counters, settings.foreign_seconds)
        tools = self._teller, clock, self.counters
        self.writing = Writing(WriteStore(records), self.book, *tools, leads=lambda: self.judge.leads)
        self.syncing = Syncing(self.board, self.intake, self.book, clock, self.counters, lambda: self.judge.leads)
        self._held_at, self._held = (-1, 0), Inhibited((), ())
        told = NotifyBook(settings.notify_file)
        self.notifier = Notifier(records, self._room(), told, ways, Tools(clock, self.counters))
        self.heartbeats = Heartbeats(records, clock, self.counters, lambda: told.notifying.heartbeats)
        self.pulse = Pulsing(lambda: told.notifying.pulse, self.judge, self.board.open, clock, self.counters)
        self.board.on_change = self.silences.on_change = self.rules.on_change = self.notifier.wake

    async def __aenter__(self) -> Self:
        """Read what is open."""
        await self.board.load()
        await self.silences.load()
        await self.rules.load()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Store what is to be told."""
        await self._teller.flush()

    async def run(self) -> None:
        """Judge rules, tell people, end silences, follow files and forget what is old, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.judge.run(), name="alerts-judge")
            tasks.create_task(self._teller.run(), name="alerts-tell")
            tasks.create_task(self.intake.run(), name="alerts-intake")
            tasks.create_task(self.pulse.run(), name="alerts-pulse")
            tasks.create_task(self.notifier.run(), name="alerts-notify")
            tasks.create_task(self.writing.run(), name="alerts-write-back")
            tasks.create_task(self.syncing.run(), name="alerts-sync")
            tasks.create_task(self._keep_house(), name="alerts-house")

    async def find_all(self, wanted: Wanted, page: str, limit: int, sees: Sees) -> AlertList:
        """Return alerts, what changed last first, as far as ``sees`` allows. Raises InputError."""

        async def seen(rows: Sequence[Alert]) -> list[Alert]:
            return [alert for alert in rows if sees(alert.labels.get("host", ""))]

        read = partial(self.store.find_all, wanted, limit=PIECE_LIMIT)
        shown, following = await read_page(
            _place_of(page), limit, read, seen, lambda alert: (alert.changed_ms, alert.id)
        )
        return AlertList([self.view(self.board.newest(alert), sees) for alert in shown], following)

    async def get(self, alert_id: str, sees: Sees) -> Alert:
        """Return the alert of that id. Raises NotFoundError."""
        alert = await self.board.get(alert_id)
        if not sees(alert.labels.get("host", "")):
            raise not_found(alert_id)
        return alert

    async def detail(self, alert: Alert, sees: Sees) -> AlertDetail:
        """Return an alert with what happened to it."""
        turns = await self.store.turns_of(alert.id)
        incidents = [one.id for one in (await self.notifier.incidents_of(alert)).values()]
        return AlertDetail(self.view(alert, sees), [turn_view(turn) for _, turn in turns], incidents)

    async def why(self, alert: Alert, sees: Sees) -> WhyView:
        """Return, step by step, why people are told of an alert, or are not."""
        rule = self.book.rules.get(alert.rule)
        text = (
            "" if rule is None else f"rule {rule.name} asks for " + (f"value {rule.fires}" if rule.fires else "a row")
        )
        seconds = 0.0 if rule is None else rule.for_seconds
        view = why_view(alert, self.held(alert, sees), self._clock.now_ms(), text, seconds)
        told, is_told = await self.notifier.why(alert, is_due=view.is_told)
        return WhyView(view.alert, view.is_told and is_told, [*view.steps, *told])

    async def acknowledge(self, alert: Alert, principal: Principal, text: str) -> Alert:
        """Put an alert into the caller's hands. Raises ConflictError."""
        return await self._change(alert, principal, text or "acknowledged", lifecycle.acknowledge, "acknowledge")

    async def unacknowledge(self, alert: Alert, principal: Principal, text: str) -> Alert:
        """Take an alert out of the hands of who has it. Raises ConflictError."""
        return await self._change(alert, principal, text or "given back", lifecycle.unacknowledge, "unacknowledge")

    async def resolve(self, alert: Alert, principal: Principal, text: str) -> Alert:
        """End an alert by hand. Raises ConflictError."""
        return await self._change(alert, principal, text or "resolved by hand", lifecycle.resolve, "resolve")

    async def comment(self, alert: Alert, principal: Principal, text: str) -> Alert:
        """Note something about an alert. Raises InputError."""
        if not text.strip():
            raise InputError("cannot comment on alert: the comment is empty", hint="say something in text")

        def note(found: Alert) -> Step:
            told = Transition(self._clock.now_ms(), found.state, found.state, principal.name, plain(text, _CAUSE_LIMIT))
            return Step(found, (told,))

        found, _ = await self.board.change(alert.id, lambda one: self.writing.marked(note(one), "comment"))
        self.writing.wake()
        return found

    def view(self, alert: Alert, sees: Sees = sees_all) -> AlertView:
        """Return an alert as a caller sees it."""
        return alert_view(alert, self.held(alert, sees), self._clock.now_ms())

    def held(self, alert: Alert, sees: Sees = sees_all) -> Held:
        """Return what keeps people from being told of an alert now, for a caller who sees so much."""
        if alert.state is AlertState.CLOSED:
            return Held()
        if (now := self._version) != self._held_at:
            self._held_at, self._held = now, Inhibited(self.book.inhibitions, self.board.open())
        host = alert.labels.get("host", "")
        maintenance = self._neighbours.maintenance_of(host) if host else ""
        return Held(self.silences.over(alert.labels), self._held.by(alert), maintenance, sees)

    @property
    def _version(self) -> tuple[int, int]:
        return self.board.version, id(self.book.inhibitions)

    async def matches(self) -> Counter[str]:
        """Return by id how many active alerts are under each open silence."""
        counts = Counter[str]()
        for place, alert in enumerate([alert for alert in self.board.open() if alert.is_active]):
            if place % _AT_A_TIME == 0:
                # There may be tens of thousands: everybody else has a turn between.
                await asyncio.sleep(0)
            counts.update(silence.id for silence in self.silences.over(alert.labels))
        return counts

    async def _change(
        self,
        alert: Alert,
        principal: Principal,
        text: str,
        verb: Callable[[Alert, str, str, int], Step | None],
        word: str,
    ) -> Alert:
        now_ms, cause = self._clock.now_ms(), plain(text, _CAUSE_LIMIT)
        found, is_changed = await self.board.change(
            alert.id, lambda one: self.writing.marked(verb(one, principal.name, cause, now_ms), word)
        )
        if not is_changed:
            held_by = f" by {found.owner}" if found.owner else ""
            said = "give back" if word == "unacknowledge" else word
            raise ConflictError(f"cannot {said} alert {alert.id}: it is {found.state.value}{held_by}")
        self.writing.wake()
        return found

    async def _keep_house(self) -> None:
        tidied = files = -1e9
        while True:
            now = self._clock.monotonic()
            try:
                if now - files >= _FILES_SECONDS:
                    files = now
                    await self._read_files()
                await self.silences.follow()
                await self.rules.follow()
                await self.heartbeats.follow()
                if not self.judge.leads:
                    await self.board.follow()
                else:
                    await self.silences.look([alert.labels for alert in self.board.open() if alert.is_active])
                    if now - tidied >= _TIDY_SECONDS:
                        tidied = now
                        await self._forget()
            except NagareError as error:
                self.counters.add("house_failed")
                log.warning("alerts_house_not_kept: %s", error.message)
            await self._clock.sleep(_SILENCES_SECONDS)

    async def _read_files(self) -> None:
        changed = [await asyncio.to_thread(self.book.refresh), await self.notifier.book.refresh()]
        if any(changed):
            self.notifier.wake()

    async def _forget(self) -> None:
        before_ms = self._clock.now_ms() - round(self._settings.kept_seconds * 1000)
        while await self.store.forget(before_ms, _TIDY_COUNT) == _TIDY_COUNT:
            pass
        while await self.writing.store.forget(before_ms, _TIDY_COUNT) == _TIDY_COUNT:
            pass
        await self.silences.forget()
        await self.notifier.forget(before_ms)

    def _room(self) -> Room:
        return Room(
            board=self.board,
            mandate=lambda: self.judge.mandate,
            holding=self._holding,
            labels_of=self._neighbours.labels_of,
            tell=self._teller.tell,
            view=self.view,
        )

    async def _holding(self) -> Callable[[Alert], bool]:
        """Return what tells of an alert whether anything holds it back now; of many alerts it is made on another thread."""
        now, alerts, inhibited = self._version, list(self.board.open()), self._held
        if now != self._held_at:
            if len(alerts) > _INLINE_LIMIT:
                inhibited = await asyncio.to_thread(Inhibited, self.book.inhibitions, alerts)
            else:
                inhibited = Inhibited(self.book.inhibitions, alerts)
            self._held_at, self._held = now, inhibited

        def is_held(alert: Alert) -> bool:
            host = alert.labels.get("host", "")
            maintenance = self._neighbours.maintenance_of(host) if host else ""
            return bool(maintenance or self.silences.over(alert.labels) or inhibited.by(alert))

        return is_held


def _place_of(page: str) -> tuple[int, str] | None:
    if not page:
        return None
    moment, _, alert_id = page.partition(".")
    if not (page.isascii() and moment.isdigit() and len(moment) <= 16 and alert_id.isalnum()):
        raise InputError("cannot list alerts: page is none that was given out", hint="leave page out to begin anew")
    return int(moment), alert_id
