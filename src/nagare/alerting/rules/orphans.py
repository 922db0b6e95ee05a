"""Alerts at whose condition nobody looks any more: their rule is gone, or the fleet removed their host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.model.alert.alert import Alert, AlertState
from nagare.wire.sql import SqlReply, SqlRequest

# Who writes a file empties it first: what is away for less has not gone.
AWAY_SECONDS = 60.0
HOSTS_SECONDS = 60.0
_HOSTS = "SELECT host FROM hosts"
_ACTOR = "rules"


class Orphans:
    """Finds them, and how each ends."""

    def __init__(self, board: Board, ask: Callable[[SqlRequest], Awaitable[SqlReply]], clock: Clock) -> None:
        """Begin with nothing known to be away."""
        self._board = board
        self._ask = ask
        self._clock = clock
        self._away: dict[str, float] = {}
        self._hosts_asked = -HOSTS_SECONDS

    async def steps(self, rules: Collection[str], failing: Collection[str], now_ms: int) -> list[Step]:
        """Return how those end that are of none of ``rules``, or whose host is removed; of ``failing`` ones nobody can tell."""
        gone = [alert for name in self._gone(rules) for alert in self._board.of_rule(name)]
        ends = [(alert, f"rule {alert.rule} is gone") for alert in gone]
        removed = await self._of_removed(rules, failing)
        ends += [(alert, f"host {alert.labels['host']} was removed") for alert in removed]
        return [step for alert, cause in ends if (step := _end(alert, cause, now_ms)) is not None]

    def _gone(self, rules: Collection[str]) -> list[str]:
        now = self._clock.monotonic()
        away = [name for name in self._board.rules() if name and name.partition("/")[0] not in rules]
        self._away = {name: self._away.get(name, now) for name in away}
        return [name for name, since in self._away.items() if now - since >= AWAY_SECONDS]

    async def _of_removed(self, rules: Collection[str], failing: Collection[str]) -> list[Alert]:
        now = self._clock.monotonic()
        if now - self._hosts_asked < HOSTS_SECONDS:
            return []
        # Those only that no answer tells of: while one does, it is judged by that.
        stale = [one for one in self._board.open() if one.is_stale and one.rule in rules and one.labels.get("host")]
        doubted = [one for one in stale if one.is_active and one.rule not in failing]
        if not doubted:
            return []
        self._hosts_asked = now
        try:
            fleet = {row[0] for row in (await self._ask(SqlRequest(_HOSTS))).rows}
        except NagareError:
            return []
        # A fleet of nobody tells nothing: it may not have been read yet.
        return [one for one in doubted if fleet and one.labels["host"] not in fleet]


def _end(alert: Alert, cause: str, now_ms: int) -> Step | None:
    if alert.state is AlertState.PENDING:
        return Step(alert, is_dropped=True)
    return lifecycle.resolve(alert, _ACTOR, cause, now_ms) or lifecycle.close(alert, _ACTOR, cause, now_ms)
