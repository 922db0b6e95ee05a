"""Judges rules in time: asks what is due, each statement once, and has the board keep what came of it.

Of several servers one judges, under a lease whose term every write names: who lost it writes nothing more. The moments of a rule
are multiples of its interval, shifted by its name, so that rules do not come all at one time and a restart skips none.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.rules.answers import Things
from nagare.alerting.rules.book import RuleBook
from nagare.alerting.rules.judging import Reading, fingerprints, judge_reading
from nagare.alerting.rules.orphans import Orphans
from nagare.alerting.store import Mandate
from nagare.errors import InputError, NagareError, OverloadedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.alert.rule import Rule
from nagare.wire.sql import SqlReply, SqlRequest

log = logging.getLogger(__name__)
Ask = Callable[[SqlRequest], Awaitable[SqlReply]]

LEASE_SECONDS = 15.0
_RENEW_SECONDS = 5.0
_MEASURED_SECONDS = 30.0
_ROUND_SECONDS = 0.25
# Queries of people come first: they have a place beside ours however few there are.
_AT_ONCE = 1
# So long the crowd is no fault of a rule.
_CROWDED_SECONDS = 60.0
# What a value that nobody thought of makes of the code that reads or writes it: one rule's matter, not that of all.
_BROKEN = (ValueError, OverflowError, TypeError)


@dataclass(slots=True)
class Standing:
    """How a rule does: when it was judged last, how late that was, how long it took, what came of it."""

    at_ms: int = 0
    delay_seconds: float = 0.0
    took_seconds: float = 0.0
    rows: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Measures:
    """How all rules together do, as they were judged last."""

    rules: int
    failing: int
    leads: bool
    delay_seconds: float
    took_seconds: float


@dataclass(frozen=True, slots=True)
class _Due:
    rule: Rule
    moment_ms: int
    # When it was judged before, if that is known.
    before_ms: int | None


class Judge:
    """Judges until cancelled, by ``run``."""

    def __init__(
        self, board: Board, book: RuleBook, ask: Ask, clock: Clock, counters: Counters, *, is_alone: bool = False
    ) -> None:
        """Keep the parts; ``ask`` answers statements with the sight of the server itself.

        ``is_alone``: no other server has these records, so what is said to judge elsewhere does not.
        """
        self._board = board
        self._book = book
        self._ask = ask
        self._clock = clock
        self._runner = uuid4().hex
        self._term: int | None = None
        self._renew = self._measured = 0.0
        self._is_alone = is_alone
        self._judged: dict[str, int] = {}
        # Since when the crowd leaves a rule no room.
        self._crowded: dict[str, float] = {}
        self._orphans = Orphans(board, ask, clock)
        self._places = asyncio.Semaphore(_AT_ONCE)
        self.standings: dict[str, Standing] = {}
        # By the monotonic clock: when all that was due was judged, last.
        self._done = clock.monotonic()
        self.counters = counters

    @property
    def leads(self) -> bool:
        """Whether this server judges."""
        return self._term is not None

    @property
    def idle_seconds(self) -> float:
        """The time since all that was due was judged last, or since the begin."""
        return self._clock.monotonic() - self._done

    @property
    def failing(self) -> int:
        """How many rules cannot be judged."""
        return sum(1 for one in self.standings.values() if one.fault)

    @property
    def mandate(self) -> Mandate | None:
        """The term in which this server judges, None while another one does."""
        return None if self._term is None else Mandate(self._runner, self._term)

    def measures(self) -> Measures:
        """Return how all rules together do."""
        standings = list(self.standings.values()) if self.leads else []
        return Measures(
            len(self._book.rules),
            sum(1 for one in standings if one.fault),
            self.leads,
            max((one.delay_seconds for one in standings), default=0.0),
            max((one.took_seconds for one in standings), default=0.0),
        )

    async def run(self) -> None:
        """Judge what is due, until cancelled."""
        try:
            while True:
                is_done = False
                try:
                    is_done = await self.turn()
                except NagareError as error:
                    self._failed(error)
                await self._clock.sleep(_ROUND_SECONDS if is_done else _RENEW_SECONDS)
        finally:
            await self._retire()

    async def turn(self) -> bool:
        """Judge what is due if this server judges; tell whether it does, and all was kept."""
        is_done = await self._lead() and await self.round()
        if is_done:
            self._done = self._clock.monotonic()
        return is_done

    async def round(self) -> bool:
        """Judge every rule whose moment has come; False when some could not be kept, and are judged again."""
        now_ms = self._clock.now_ms()
        await self._end_orphans(now_ms)
        # Whose moment is taken here is judged: nothing may fail between.
        due = [one for rule in self._book.rules.values() if (one := self._due(rule, now_ms)) is not None]
        async with asyncio.TaskGroup() as tasks:
            judged = [tasks.create_task(self._try(rules), name="rule") for rules in _by_statement(due)]
        if self._clock.monotonic() >= self._measured:
            self._measured = self._clock.monotonic() + _MEASURED_SECONDS
            await self._board.write_measured(self._runner, self._term or 0)
        return all(one.result() for one in judged)

    def _failed(self, error: NagareError) -> None:
        self.counters.add("rounds_failed")
        log.warning("rules_not_judged: %s", error.message)

    async def _lead(self) -> bool:
        if self._clock.monotonic() < self._renew:
            return self.leads
        self._renew = self._clock.monotonic() + _RENEW_SECONDS
        now_ms = self._clock.now_ms()
        until_ms = now_ms + round(LEASE_SECONDS * 1000)
        term = await self._board.store.lead(self._runner, now_ms, until_ms, is_alone=self._is_alone)
        if term is not None and term != self._term:
            # Another server may have judged until now: what is in memory here is old.
            await self._board.load()
            log.info("rules_judged_here term=%d", term)
        self._term = term
        return self.leads

    async def _retire(self) -> None:
        if self._term is None:
            return
        try:
            await self._board.write_measured(self._runner, self._term)
            await self._board.store.retire(self._runner)
        except NagareError as error:
            log.warning("rules_not_handed_over: %s", error.message)

    def _due(self, rule: Rule, now_ms: int) -> _Due | None:
        every_ms = round(rule.every_seconds * 1000)
        shift = zlib.crc32(rule.name.encode()) % every_ms
        moment_ms = (now_ms - shift) // every_ms * every_ms + shift
        # A clock that was set back makes no rule wait until it is there again.
        last = self._judged.get(rule.name)
        if last is not None and last - every_ms < moment_ms <= last:
            return None
        self._judged[rule.name] = moment_ms
        return _Due(rule, moment_ms if last is not None else now_ms, last)

    async def _try(self, due: Sequence[_Due]) -> bool:
        try:
            await self._judge(due)
        except NagareError as error:
            self._failed(error)
            for one in due:
                # Their moment is not over.
                if one.before_ms is None:
                    self._judged.pop(one.rule.name, None)
                else:
                    self._judged[one.rule.name] = one.before_ms
            return False
        return True

    async def _judge(self, due: Sequence[_Due]) -> None:
        """Ask the statement that all of ``due`` have, and judge each of them by its answer."""
        rule = due[0].rule
        async with self._places:
            begun, now_ms = self._clock.monotonic(), self._clock.now_ms()
            answer = await self._answer(rule, now_ms)
            took = self._clock.monotonic() - begun
        steps: list[Step] = []
        for one in due:
            steps += await self._judged_by(one.rule, answer, now_ms)
            standing = self.standings.setdefault(one.rule.name, Standing())
            standing.at_ms, standing.took_seconds = now_ms, took
            standing.delay_seconds = max(0.0, (now_ms - one.moment_ms) / 1000)
        self.counters.add("statements")
        self.counters.add("rules_judged", len(due))
        if await self._board.apply(steps, self._runner, self._term or 0):
            self.counters.add("conflicts")

    async def _answer(self, rule: Rule, now_ms: int) -> SqlReply | str:
        """Return the answer to the statement of ``rule``, or why there is none. Raises OverloadedError, for a while."""
        answer: SqlReply | str
        try:
            answer = await self._ask(SqlRequest(rule.sql, since_ms=now_ms - round(rule.window_seconds * 1000)))
        except OverloadedError as error:
            now = self._clock.monotonic()
            if now - self._crowded.setdefault(rule.name, now) < _CROWDED_SECONDS:
                raise
            return error.message
        except NagareError as error:
            answer = error.message
        except _BROKEN as error:
            log.exception("rule_not_asked name=%s", rule.name)
            answer = _broken(rule, error)
        self._crowded.pop(rule.name, None)
        return answer

    async def _judged_by(self, rule: Rule, answer: SqlReply | str, now_ms: int) -> tuple[Step, ...]:
        found = judge_reading(rule, await self._read(rule, answer), self._board, now_ms, _new_id)
        standing = self.standings.setdefault(rule.name, Standing())
        if found.fault:
            self.counters.add("rules_failed")
            if found.fault != standing.fault:
                log.warning("rule_not_judged name=%s: %s", rule.name, found.fault)
        standing.fault, standing.rows = found.fault, found.rows
        return found.steps

    async def _read(self, rule: Rule, answer: SqlReply | str) -> Reading:
        if isinstance(answer, str):
            return Reading(fault=answer)
        try:
            things = Things(rule, answer, fingerprints(self._board.of_rule(rule.name)))
            for _ in things.pieces():
                # Others' requests come between the pieces of a long answer.
                await asyncio.sleep(0)
        except InputError as error:
            return Reading(fault=f"{error.message} ({error.hint})" if error.hint else error.message)
        except _BROKEN as error:
            log.exception("rule_not_read name=%s", rule.name)
            return Reading(fault=_broken(rule, error))
        return Reading.of(things, len(answer.rows))

    async def _end_orphans(self, now_ms: int) -> None:
        """End alerts at whose condition nobody looks any more."""
        failing = {name for name, standing in self.standings.items() if standing.fault}
        if steps := await self._orphans.steps(self._book.names, failing, now_ms):
            await self._board.apply(steps, self._runner, self._term or 0)
        for name in self.standings.keys() - self._book.rules.keys():
            del self.standings[name]
            self._judged.pop(name, None)
            self._crowded.pop(name, None)


def _broken(rule: Rule, error: Exception) -> str:
    return f"cannot judge rule {rule.name}: {type(error).__name__}: {str(error)[:200]}"


def _by_statement(due: Iterable[_Due]) -> list[list[_Due]]:
    found: dict[tuple[str, float], list[_Due]] = {}
    for one in due:
        found.setdefault((one.rule.sql, one.rule.window_seconds), []).append(one)
    return list(found.values())


def _new_id() -> str:
    return uuid4().hex
