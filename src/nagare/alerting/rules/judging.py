"""What one answer says about the alerts of one rule: the whole judgement, as a function of what is known. Pure.

The server judges by it in time, and tests and replays of rules judge by it, too: they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Seen, Step, Timing
from nagare.alerting.rules.answers import Things, failing_seen, no_data_seen, seen_of
from nagare.errors import InputError
from nagare.model.alert.alert import Alert
from nagare.model.alert.rule import NoData, Rule
from nagare.wire.sql import SqlReply

# A statement that fails once may have met a restart or a crowd; one that goes on failing is somebody's business.
FAILING = Timing(for_seconds=60.0)


class Known(Protocol):
    """The open alerts, as far as they are known."""

    def find(self, source: str, fingerprint: str) -> Alert | None:
        """Return the open alert of a thing, or None."""
        ...

    def of_rule(self, rule: str) -> Sequence[Alert]:
        """Return the open alerts of a rule."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says: what is seen, as far as it fires or is known, and of how many rows; or why it says nothing.

    ``hosts`` are those of which it has rows; ``doubt`` says why not every row counts.
    """

    seen: Sequence[Seen] = ()
    rows: int = 0
    fault: str = ""
    hosts: Collection[str] = ()
    doubt: str = ""

    @classmethod
    def of(cls, things: Things, rows: int) -> Self:
        """Return what was read of an answer of so many rows."""
        return cls(things.seen, rows, hosts=things.hosts, doubt=things.doubt)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of the alerts of a rule; ``fault`` says why it could not be judged wholly, ``rows`` how many things it saw."""

    steps: tuple[Step, ...]
    rows: int = 0
    fault: str = ""


def judge(rule: Rule, answer: SqlReply | str, known: Known, now_ms: int, make_id: Callable[[], str]) -> Judgement:
    """Return what ``answer``, the reply to the statement of ``rule`` or why there is none, makes of its alerts."""
    return judge_reading(rule, _read(rule, answer, known), known, now_ms, make_id)


def judge_reading(rule: Rule, reading: Reading, known: Known, now_ms: int, make_id: Callable[[], str]) -> Judgement:
    """Return what an answer that was read already makes of the alerts of ``rule``."""

    def look(seen: Seen, timing: Timing) -> tuple[Step, ...]:
        return lifecycle.look(known.find(seen.source, seen.fingerprint), seen, timing, now_ms, make_id)

    steps = list(look(failing_seen(rule, reading.fault or reading.doubt), FAILING))
    if reading.fault:
        return Judgement((*steps, *_doubts(known.of_rule(rule.name), now_ms)), fault=reading.fault)
    timing = Timing.of(rule)
    if rule.no_data is NoData.ALERT or known.of_rule(f"{rule.name}/no-data"):
        # A rule that asks for that no longer leaves no such alert behind.
        is_empty = rule.no_data is NoData.ALERT and not reading.rows
        steps += look(no_data_seen(rule, is_empty=is_empty), timing)
    for one in reading.seen:
        steps += look(one, timing)
    return Judgement((*steps, *_missed(rule, reading, known, now_ms)), reading.rows, reading.doubt)


def _missed(rule: Rule, reading: Reading, known: Known, now_ms: int) -> Iterator[Step]:
    shape = rule.shape
    there = {one.fingerprint for one in reading.seen}
    for alert in known.of_rule(rule.name):
        if alert.fingerprint in there:
            continue
        # The rule asked otherwise, or called it otherwise, when it was seen last: it may never be seen again.
        is_changed = alert.shape not in ("", shape)
        cause = f"rule {rule.name} was changed"
        over = lifecycle.resolve(alert, f"rule {rule.name}", cause, now_ms) if is_changed else None
        # A host that is looked at, and of which this is not told, has it no more: a drive that was taken out.
        host = alert.labels.get("host", "")
        no_data = NoData.RESOLVE if host and host in reading.hosts else rule.no_data
        yield from (over,) if over else lifecycle.miss(alert, no_data, Timing.of(rule), now_ms)


def fingerprints(alerts: Iterable[Alert]) -> frozenset[str]:
    """Return which things ``alerts`` are about."""
    return frozenset(alert.fingerprint for alert in alerts)


def _read(rule: Rule, answer: SqlReply | str, known: Known) -> Reading:
    if isinstance(answer, str):
        return Reading(fault=answer)
    try:
        return Reading.of(seen_of(rule, answer, fingerprints(known.of_rule(rule.name))), len(answer.rows))
    except InputError as error:
        return Reading(fault=f"{error.message} ({error.hint})" if error.hint else error.message)


def _doubts(alerts: Iterable[Alert], now_ms: int) -> list[Step]:
    return [step for alert in alerts if (step := lifecycle.doubt(alert, now_ms)) is not None]
