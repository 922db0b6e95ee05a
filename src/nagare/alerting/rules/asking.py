"""Rules that are not judged yet: their statement asked once, and what they would have made of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from nagare.alerting.rules.answers import Things
from nagare.alerting.rules.course import Course
from nagare.alerting.rules.past import Budget, Plan, Sum, asks_of_now, plans, sum_of
from nagare.errors import DeadlineExceededError, InputError, ResultTooLargeError
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.rule import Rule
from nagare.wire.alerts import RuleEpisode, RuleReplay
from nagare.wire.sql import SqlReply, SqlRequest

Ask = Callable[[SqlRequest], Awaitable[SqlReply]]

# What one request may have the store look at; `nagare rules replay` asks as often as its user has the patience for.
BUDGET = Budget(all=500, least=20, most=500, limit=2000)
# Of one request; below the time that a client waits for an answer.
DEADLINE_SECONDS = 30.0
_EPISODES_SHOWN = 20
# More rows than these are judged on another thread.
_INLINE_ROWS = 200
# What a value that nobody thought of makes of the code that reads or writes it.
_BROKEN = (ValueError, OverflowError, TypeError)


@dataclass(frozen=True, slots=True)
class Look:
    """What the statement of a rule answers now; ``fault`` says what is wrong with it, empty for nothing."""

    rows: int | None = None
    firing: int | None = None
    fault: str = ""


async def look(rule: Rule, ask: Ask, now_ms: int) -> Look:
    """Ask the statement of ``rule`` once. Raises OverloadedError, StorageError."""
    try:
        reply = await ask(SqlRequest(rule.sql, since_ms=now_ms - round(rule.window_seconds * 1000)))
        things = Things(rule, reply)
        for _ in things.pieces():
            # Others' requests come between the pieces of a long answer.
            await asyncio.sleep(0)
    except (InputError, ResultTooLargeError, DeadlineExceededError) as error:
        return Look(fault=f"{error.message} ({error.hint})" if error.hint else error.message)
    except _BROKEN as error:
        return Look(fault=f"cannot judge rule {rule.name}: {type(error).__name__}: {str(error)[:200]}")
    return Look(len(reply.rows), len(things.seen), things.doubt)


def replayable(rules: Sequence[Rule]) -> list[Rule]:
    """Return those of ``rules`` whose past somebody keeps."""
    return [rule for rule in rules if not asks_of_now(rule)]


async def replay(
    rules: Sequence[Rule], ask: Ask, since_ms: int, until_ms: int, step_seconds: float | None
) -> dict[str, RuleReplay]:
    """Return by name what ``rules`` would have made of the time. Raises InputError, OverloadedError."""
    planned = plans(rules, since_ms, until_ms, step_seconds, BUDGET)
    courses = [(plan, await _play(plan, ask)) for plan in planned]
    return {plan.rule.name: _told(course, sum_of(course, plan, until_ms)) for plan, course in courses}


async def _play(plan: Plan, ask: Ask) -> Course:
    course = Course(plan.rule)
    for moment in plan.moments:
        answer = await _answer(plan.request(moment), ask)
        if isinstance(answer, SqlReply) and len(answer.rows) > _INLINE_ROWS:
            await asyncio.to_thread(course.look, answer, moment)
        else:
            course.look(answer, moment)
    return course


async def _answer(request: SqlRequest, ask: Ask) -> SqlReply | str:
    try:
        return await ask(request)
    except (InputError, ResultTooLargeError, DeadlineExceededError) as error:
        return error.message


def _told(course: Course, total: Sum) -> RuleReplay:
    episodes = [
        RuleEpisode(
            dict(one.labels),
            format_ms(one.from_ms),
            "" if one.until_ms is None else format_ms(one.until_ms),
            one.worst,
        )
        for one in course.episodes[:_EPISODES_SHOWN]
    ]
    return RuleReplay(
        alerts=total.alerts,
        active_seconds=total.active_seconds,
        flaps=total.flaps,
        looks=total.looks,
        step_seconds=total.step_seconds,
        faults=total.faults,
        fault=total.fault,
        episodes=episodes,
    )
