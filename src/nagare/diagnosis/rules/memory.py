"""Memory: processes that grow without end, memory that is used up, programs that were ended for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity

_LARGE_RATIO = 0.25
# A process that grows is trouble where it would use up the rest of the memory within this time.
_SOON_SECONDS = 6 * 3600.0
# Whoever uses up the rest within the hour is to blame more surely: no cache or pool is meant to.
_VERY_SOON_SECONDS, _SURE, _LIKELY, _SECOND = 3600.0, 0.8, 0.65, 0.5
_PRESSED = ("memory_used", "memory_pressure", "swapping")


def leak(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect a process whose memory grows steadily."""
    pressed = facts.bad(host, *_PRESSED)
    growing = sorted(facts.bad(host, "growing_processes"), key=lambda one: -one.value("grown_bytes"))
    growing = [one for one in growing if pressed or _seconds_left(facts, host, one) < _SOON_SECONDS]
    for process in growing[:2]:
        name = _name(process)
        backing = [*pressed, *facts.bad(host, "oom_kills")]
        yield Suspicion(
            "memory.leak",
            f"the memory of {name} grows steadily",
            host,
            weighed(_base(facts, host, process, is_first=process is growing[0]), backing, ()),
            Severity.HIGH if pressed else Severity.WARNING,
            [process, *backing],
            () if pressed else facts.fine(host, "memory_used", "memory_pressure"),
            name,
            f"see whether {name} gives memory back: its own figures, or a restart at a quiet time",
            _by_memory(host),
            process.began_ms,
            "MemoryLow",
        )


def exhausted(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect memory that does not suffice."""
    pressed = facts.bad(host, *_PRESSED)
    if not facts.bad(host, "memory_used", "memory_pressure"):
        return
    large = _largest(facts, host)
    doubts = facts.fine(host, "memory_pressure", "swapping")
    yield Suspicion(
        "memory.exhausted",
        f"memory is used up, most of it by {_name(large)}" if large else "memory is used up",
        host,
        weighed(0.7, [*pressed[1:], *([large] if large else [])], doubts[:1]),
        Severity.HIGH,
        [*pressed, *([large] if large else [])],
        doubts,
        _name(large) if large else "memory",
        "see which processes hold most of it, and whether they should",
        _by_memory(host),
        began(pressed),
        "MemoryLow",
    )


def killed(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect want of memory where the kernel ended programs for it."""
    kills = facts.bad(host, "oom_kills")
    if not kills:
        return
    told = [one for one in facts.of(host, "events") if one.keys.get("kind") == "kernel.oom_kill"]
    pressed = facts.bad(host, *_PRESSED)
    yield Suspicion(
        "memory.oom",
        "the kernel ended programs because memory ran out",
        host,
        weighed(0.8, [*told[:1], *pressed], ()),
        Severity.HIGH,
        [*kills, *told[:3], *pressed],
        about="memory",
        next_check="see which program was ended and how large it was: the event says so",
        proposal=_by_memory(host),
        began_ms=began([*kills, *told]),
        rule="OomKill",
    )


def contained(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect containers that are at their limits."""
    for tool, cause, words in (
        ("container_memory", "container.memory", "is at its memory limit"),
        ("container_throttled", "container.throttled", "is throttled at its CPU limit"),
    ):
        for one in facts.bad(host, tool)[:3]:
            name = f"container {one.keys.get('name', '')}"
            yield Suspicion(
                cause, f"{name} {words}", host, weighed(0.75, (), ()), Severity.WARNING, [one], (), name,
                f"see whether {name} needs so much, or its limit is too small", None, one.began_ms, "ContainerOomKill",
            )  # fmt: skip


def _base(facts: Facts, host: str, process: Seen, *, is_first: bool) -> float:
    if not is_first:
        return _SECOND
    return _SURE if _seconds_left(facts, host, process) < _VERY_SOON_SECONDS else _LIKELY


def _seconds_left(facts: Facts, host: str, process: Seen) -> float:
    """Return in what time the process would use up what memory is left, at its pace."""
    used = max((one.value("recent") for one in facts.of(host, "memory_used")), default=0.0)
    share, pace = process.value("memory_ratio"), process.value("pace_bytes_per_second")
    if share <= 0 or pace <= 0:
        return math.inf
    return (1.0 - used) * process.value("memory_bytes") / share / pace


def _largest(facts: Facts, host: str) -> Seen | None:
    ranked = sorted(facts.of(host, "processes"), key=lambda one: -one.value("memory_ratio"))
    return ranked[0] if ranked and ranked[0].value("memory_ratio") >= _LARGE_RATIO else None


def _name(process: Seen) -> str:
    return f"process {process.keys.get('name', '')} ({process.keys.get('pid', '')})"


def _by_memory(host: str) -> ProposedAction:
    return ProposedAction("process.list", {"by": "-rss"}, host)
