"""Rules for those who ask for them, and those that come by the API: saved, deleted, checked.

What comes by the API is kept in the records, read like a file, and held in memory; other servers' changes are read again every few
seconds. Its statement is asked once with the sight of its caller before it is kept, because it is judged with that of the server.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nagare.alerting.alerts.board import Board
from nagare.alerting.rules.asking import DEADLINE_SECONDS, Ask, Look, look, replay, replayable
from nagare.alerting.rules.book import RuleBook
from nagare.alerting.rules.judge import Judge
from nagare.alerting.rules.kept_store import Kept, KeptStore
from nagare.alerting.rules.past import asks_of_now
from nagare.alerting.rules.reading import read_rule
from nagare.alerting.rules.views import Place, rule_view
from nagare.errors import ConflictError, DeadlineExceededError, InputError, NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.alert.kept import KeptRule
from nagare.model.alert.rule import Rule, RuleOrigin
from nagare.model.alert.written import written
from nagare.model.principal import Principal
from nagare.records.engine import Records
from nagare.wire.alerts import RuleCheck, RuleCheckList, RuleCheckRequest, RuleList, RuleReplay, RuleRequest, RuleView

# By the API; files have a bound of their own.
KEPT_LIMIT = 1000
_READ_SECONDS = 5.0
# As many changes may follow before the column is full.
_FIRST_REVISIONS = 2**30


class RuleService:
    """The rules; ``load`` reads those that came by the API."""

    def __init__(self, records: Records, book: RuleBook, board: Board, judge: Judge, clock: Clock) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._store = KeptStore(records)
        self._book = book
        self._board = board
        self._judge = judge
        self._clock = clock
        self._read = 0.0
        # Rises with every change made here: what was read before one must not undo it.
        self._changes = 0
        # One request at a time has the past looked at.
        self._place = asyncio.Semaphore(1)
        # Called when other rules hold now.
        self.on_change: Callable[[], None] = _nobody_listens

    async def load(self) -> None:
        """Read those that came by the API."""
        self._read = self._clock.monotonic() + _READ_SECONDS
        changes = self._changes
        found = await self._store.load(self._book.kept)
        if changes == self._changes and self._book.take(found):
            self.on_change()

    async def follow(self) -> None:
        """Read what other servers changed, every few seconds."""
        if self._clock.monotonic() >= self._read:
            await self.load()

    def all(self) -> RuleList:
        """Return every rule and how it does, by name."""
        counts = Counter((alert.rule, alert.state is AlertState.PENDING) for alert in _holding(self._board.open()))
        views = [self._view(rule, counts) for rule in self._book.rules.values()]
        return RuleList(views, self._book.fault, self._judge.leads, dict(self._book.not_held))

    def get(self, name: str) -> RuleView:
        """Return the rule of that name, with its fields as a file says them. Raises NotFoundError."""
        rule = self._book.rules.get(name)
        if rule is None:
            raise self._missing("find", name)
        alerts = _holding(self._board.of_rule(name))
        counts = Counter((alert.rule, alert.state is AlertState.PENDING) for alert in alerts)
        return self._view(rule, counts, written(rule))

    async def save(self, principal: Principal, name: str, request: RuleRequest, ask: Ask) -> RuleView:
        """Make a rule, or change all of one that came by the API; ``ask`` answers with the sight of the caller.

        Raises InputError for one that cannot be read or judged; ConflictError where a file has its name, or it must be a new one
        and is there; StaleVersionError, LimitExceededError, OverloadedError.
        """
        rule = read_rule(request.rule, name)
        self._refuse_of_file("save", name)
        now_ms = self._clock.now_ms()
        _refuse_bad(rule, await look(rule, ask, now_ms))
        # One that is deleted and made again must not pass for the one that was read.
        revision = secrets.randbelow(_FIRST_REVISIONS)
        made = KeptRule(rule, revision, now_ms, now_ms, principal.id, principal.name)
        kept = await self._store.save(made, KEPT_LIMIT, expected=request.revision, is_new=request.is_new)
        self._take(name, kept)
        return self.get(name)

    async def remove(self, name: str, revision: int | None = None) -> Mapping[str, Any]:
        """Forget a rule that came by the API, with ``revision`` only as it was read; return what it said.

        Its alerts end as those of a rule that was taken out of its file. Raises NotFoundError, ConflictError for one of a file,
        StaleVersionError.
        """
        if not self._is_kept(name):
            # Another server may have made it a moment ago.
            await self.load()
        known = self._book.kept.rules.get(name)
        if not self._is_kept(name):
            self._refuse_of_file("delete", name)
            if name in self._book.rules:
                raise ConflictError(
                    f"cannot delete rule {name}: it is shipped, in {self._book.rules[name].origin}",
                    hint="save one of that name in its place, or leave out all of them: alerts.shipped = false",
                )
            raise self._missing("delete", name)
        await self._store.remove(name, expected=revision)
        self._take(name, None)
        return {} if known is None else written(known.rule)

    async def check(self, request: RuleCheckRequest, ask: Ask) -> RuleCheckList:
        """Return what is wrong with rules, and what they would have made of the past; nothing is kept.

        Raises InputError for a time that cannot be looked at, DeadlineExceededError, OverloadedError.
        """
        names = [str(given.get("name", "")) for given in request.rules]
        if twice := next((name for place, name in enumerate(names) if name in names[:place]), ""):
            raise InputError(f"cannot check rules: two are called {twice[:80]!r}")
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await self._checked(request, ask, self._clock.now_ms())
        except TimeoutError:
            raise DeadlineExceededError(
                f"cannot check rules: it takes longer than {DEADLINE_SECONDS:g} s",
                hint="name fewer of them, or a shorter time; `nagare rules replay --file FILE` takes the time that it needs",
            ) from None

    async def _checked(self, request: RuleCheckRequest, ask: Ask, now_ms: int) -> RuleCheckList:
        looked = [await self._looked(given, ask, now_ms) for given in request.rules]
        past: Mapping[str, RuleReplay] = {}
        if request.since_ms is not None:
            good = replayable([one.rule for one in looked if isinstance(one, _Looked) and not one.look.fault])
            async with self._place:
                past = await replay(good, ask, request.since_ms, now_ms, request.step_seconds)
        wants_past = request.since_ms is not None
        return RuleCheckList(
            [one.told(past, wants_past=wants_past) if isinstance(one, _Looked) else one for one in looked]
        )

    async def _looked(self, given: Mapping[str, Any], ask: Ask, now_ms: int) -> _Looked | RuleCheck:
        try:
            rule = read_rule(given, None)
            self._refuse_of_file("save", rule.name)
        except (InputError, ConflictError) as error:
            return RuleCheck(plain(str(given.get("name", "")), 64), "bad", error.message)
        return _Looked(rule, await look(rule, ask, now_ms))

    def _is_kept(self, name: str) -> bool:
        return name in self._book.kept.rules or name in self._book.kept.broken

    def _take(self, name: str, kept: KeptRule | None) -> None:
        self._changes += 1
        known = self._book.kept
        rules = {one: rule for one, rule in known.rules.items() if one != name}
        broken = {one: mark for one, mark in known.broken.items() if one != name}
        if self._book.take(Kept(rules if kept is None else {**rules, name: kept}, broken)):
            self.on_change()

    def _refuse_of_file(self, verb: str, name: str) -> None:
        if self._book.origin_of(name) is RuleOrigin.FILE:
            raise ConflictError(
                f"cannot {verb} rule {name}: the file {self._book.rules[name].origin} has it",
                hint="change that file in the folder alerts.rules",
            )

    def _view(
        self, rule: Rule, counts: Counter[tuple[str, bool]], definition: Mapping[str, Any] | None = None
    ) -> RuleView:
        origin = self._book.origin_of(rule.name)
        place = Place(
            origin, self._book.kept.rules.get(rule.name) if origin is RuleOrigin.API else None, definition or {}
        )
        standing = self._judge.standings.get(rule.name)
        return rule_view(rule, place, standing, counts[rule.name, True], counts[rule.name, False])

    def _missing(self, verb: str, name: str) -> NotFoundError:
        hint = did_you_mean(name, list(self._book.rules)) or "nagare rules list lists them"
        return NotFoundError(f"cannot {verb} rule {name[:80]!r}: there is none of that name", hint=hint)


def _nobody_listens() -> None:
    """Nobody is to hear of changes."""


def _refuse_bad(rule: Rule, seen: Look) -> None:
    if seen.fault:
        raise InputError(
            f"cannot save rule {rule.name}: {seen.fault}", errors=[{"pointer": "#/rule/sql", "detail": seen.fault}]
        )


@dataclass(frozen=True, slots=True)
class _Looked:
    rule: Rule
    look: Look

    def told(self, past: Mapping[str, RuleReplay], *, wants_past: bool) -> RuleCheck:
        """Return what became of it."""
        rule, seen = self.rule, self.look
        replayed, fault = past.get(rule.name), seen.fault
        if wants_past and replayed is None and not fault:
            fault = f"not replayed: it asks the table {asks_of_now(rule)}, whose past nobody keeps"
        return RuleCheck(rule.name, "bad" if seen.fault else "ok", fault, seen.rows, seen.firing, replayed)


def _holding(alerts: Iterable[Alert]) -> Sequence[Alert]:
    return [alert for alert in alerts if alert.is_active or alert.state is AlertState.PENDING]
