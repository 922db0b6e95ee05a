"""``nagare rules replay``: what rules would have made of the past."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nagare.alerting.rules.course import Course, Episode
from nagare.alerting.rules.past import Plan, Sum, asks_of_now, plans, sum_of
from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.offline.rules_kept import kept_rules
from nagare.cli.offline.source import Ask, ask_often
from nagare.config.alert_rules.load import load_rules, read_rules
from nagare.config.files import read_file
from nagare.config.settings import Settings
from nagare.errors import (
    DeadlineExceededError,
    InputError,
    NotFoundError,
    OverloadedError,
    RateLimitedError,
    ResultTooLargeError,
)
from nagare.lib.clock import SystemClock
from nagare.lib.nearest import did_you_mean
from nagare.lib.rfc3339 import format_ms
from nagare.lib.units import format_seconds
from nagare.model.alert.rule import Rule
from nagare.wire.sql import SqlReply, SqlRequest

# People's own queries come first.
_AT_ONCE = 3
_TRIES = 10
_PAUSE_SECONDS = 1.0
_NAMES = ("rule", "severity", "labels", "from", "until", "seconds", "worst")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be replayed."""

    names: Sequence[str]
    files: Sequence[Path]
    since_ms: int
    until_ms: int | None
    step_seconds: float | None
    limit: int


def replay_rules(invocation: Invocation, wish: Wish) -> None:
    """Replay rules and write what came of it. Raises ConfigError, InputError, NotFoundError and what asking raises."""
    rules = _chosen(invocation.settings, wish)
    now_only = {rule.name: table for rule in rules if (table := asks_of_now(rule))}
    until_ms = wish.until_ms or SystemClock().now_ms()
    planned = plans([rule for rule in rules if rule.name not in now_only], wish.since_ms, until_ms, wish.step_seconds)
    tiers = set[str]()
    with contextlib.closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:
        courses = ask_often(invocation.settings, lambda ask: _play(ask, planned, line, tiers)) if planned else []
    sums = [sum_of(course, plan, until_ms) for course, plan in zip(courses, planned, strict=True)]
    episodes = sorted((one for course in courses for one in course.episodes), key=lambda one: one.from_ms)
    _write(invocation, episodes[: wish.limit], sums, until_ms)
    if not invocation.is_quiet:
        _tell(sums, now_only, tiers, len(episodes) - wish.limit)


async def _play(ask: Ask, planned: Sequence[Plan], line: ProgressLine, tiers: set[str]) -> list[Course]:
    courses = list[Course]()
    for place, plan in enumerate(planned, start=1):
        course = Course(plan.rule)
        for begin in range(0, len(plan.moments), _AT_ONCE):
            moments = plan.moments[begin : begin + _AT_ONCE]
            percent = 100 * begin / len(plan.moments)
            line.show(f"{plan.rule.name}: {percent:.0f} % (rule {place} of {len(planned)})")
            answers = await asyncio.gather(*(_answer(ask, plan.request(moment)) for moment in moments))
            for moment, answer in zip(moments, answers, strict=True):
                course.look(answer, moment)
                if isinstance(answer, SqlReply):
                    tiers.add(answer.tier)
        courses.append(course)
    return courses


async def _answer(ask: Ask, request: SqlRequest) -> SqlReply | str:
    """Return the answer, or why the statement has none; a server that has too much to do is asked again."""
    for _ in range(_TRIES):
        try:
            return await ask(request)
        except (InputError, ResultTooLargeError, DeadlineExceededError) as error:
            return error.message
        except (OverloadedError, RateLimitedError) as error:
            await SystemClock().sleep(max(_PAUSE_SECONDS, getattr(error, "retry_after_seconds", None) or 0.0))
    return await ask(request)


def _chosen(settings: Settings, wish: Wish) -> list[Rule]:
    if wish.files:
        known = {rule.name: rule for path in wish.files for rule in read_rules(read_file(path)).rules}
    else:
        known = dict(load_rules(settings.alerts.rules, shipped=settings.alerts.shipped).rules) | kept_rules(settings)
    for name in wish.names:
        if name not in known:
            hint = did_you_mean(name, list(known)) or "a rule that is not of this installation: --file FILE"
            raise NotFoundError(f"cannot replay rule {name[:80]!r}: there is none of that name", hint=hint)
    return [rule for name, rule in known.items() if not wish.names or name in wish.names]


def _write(invocation: Invocation, episodes: Sequence[Episode], sums: Sequence[Sum], until_ms: int) -> None:
    if invocation.format is OutputFormat.JSON:
        alerts = [dict(zip(_NAMES, _row(one, until_ms), strict=True)) for one in episodes]
        write_document({"alerts": alerts, "rules": [asdict(one) for one in sums]})
        return
    if invocation.format is not OutputFormat.TABLE:
        write_rows(invocation, Rows(_NAMES, [_row(one, until_ms) for one in episodes]))
        return
    shown = [(rule, severity, _told(labels), begin, end, format_seconds(seconds), worst)
             for rule, severity, labels, begin, end, seconds, worst in (_row(one, until_ms) for one in episodes)]  # fmt: skip
    names = (*_NAMES[:5], "lasted", "worst")
    write_rows(invocation, Rows(names, shown, ("", "", "", "TIMESTAMP", "TIMESTAMP", "", "")))
    sys.stdout.write("\n")
    lines = [
        (
            one.rule,
            one.alerts,
            format_seconds(one.active_seconds),
            one.flaps,
            one.looks,
            format_seconds(one.step_seconds),
        )
        for one in sums
    ]
    write_rows(invocation, Rows(("rule", "alerts", "active", "flaps", "looks", "step"), lines))


def _row(one: Episode, until_ms: int) -> tuple[str, str, Mapping[str, str], str, str | None, float, float | None]:
    labels = {name: text for name, text in one.labels.items() if name not in ("alertname", "severity")}
    end = None if one.until_ms is None else format_ms(one.until_ms)
    seconds = ((one.until_ms or until_ms) - one.from_ms) / 1000
    return one.rule, one.severity.name.lower(), labels, format_ms(one.from_ms), end, seconds, one.worst


def _told(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={text}" for name, text in labels.items())


def _tell(sums: Sequence[Sum], now_only: Mapping[str, str], tiers: set[str], more: int) -> None:
    for name, table in now_only.items():
        note(f"nagare: {name} is left out: it asks the table {table}, whose past nobody keeps")
    coarse = [one for one in sums if one.step_seconds > one.every_seconds]
    if coarse:
        text = ", ".join(f"{one.rule} {format_seconds(one.step_seconds)}" for one in coarse[:3])
        rest = f" and {len(coarse) - 3} more" if len(coarse) > 3 else ""
        note(
            f"nagare: looked at in larger steps than the server takes, so that what is shorter may be missing: {text}{rest}"
        )
    if coarser := sorted(tier for tier in tiers if tier != "raw"):
        note(f"nagare: of a part of the time only rollups are left (tier {', '.join(coarser)}): values there are means")
    for one in sums:
        if one.faults:
            note(f"nagare: {one.rule} could not be judged at {one.faults} of {one.looks} moments: {one.fault}")
    if more > 0:
        note(f"nagare: {more} later alerts are not shown (--limit)")
