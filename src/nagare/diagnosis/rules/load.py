"""Processors: too much to do, and who does it; time that the hypervisor takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity

# A program is to blame that uses so much of all that the told ones use, and at least so many cores: some have less than one.
_SHARE, _CORES = 0.3, 0.1


def saturated(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect processors that have more to do than they can."""
    busy = facts.bad(host, "cpu_busy")
    if not busy:
        return
    users = busiest(facts.of(host, "processes"))
    backing = [*users[:1], *facts.bad(host, "load", "cpu_pressure")]
    doubts = facts.fine(host, "cpu_pressure")
    about, title = "cpu", "the processors are saturated"
    if users:
        about = _name(users)
        title = f"{about} saturates the processors"
    yield Suspicion(
        "cpu.saturated",
        title,
        host,
        weighed(0.7, backing, doubts),
        Severity.WARNING,
        [*busy, *users[:3], *facts.bad(host, "load", "cpu_pressure")],
        doubts,
        about,
        f"see whether {about} should do so much: what it is, who started it, and since when"
        if users
        else "see which processes use the processors: the host in nagare top, its tab of processes",
        _look_at(host, users),
        began(busy),
        "CpuSaturated",
    )


def stolen(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect a hypervisor that gives less than is asked for."""
    steal = facts.bad(host, "cpu_steal")
    if steal:
        yield Suspicion(
            "cpu.stolen",
            "the hypervisor gives this machine less processor time than it asks for",
            host,
            weighed(0.8, facts.bad(host, "cpu_pressure"), facts.fine(host, "cpu_pressure")),
            Severity.WARNING,
            [*steal, *facts.bad(host, "cpu_pressure")],
            facts.fine(host, "cpu_pressure"),
            "cpu",
            "look at the other guests of the machine below, or at the credits of this kind of instance",
            began_ms=began(steal),
            rule="CpuStolen",
        )


def files(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect programs that open files without end."""
    handles = facts.bad(host, "file_handles")
    if handles:
        yield Suspicion(
            "files.exhausted",
            "hardly any file handles are left",
            host,
            weighed(0.8, (), ()),
            Severity.HIGH,
            handles,
            about="file handles",
            next_check="see which process has most descriptors open: ls /proc/*/fd",
            proposal=ProposedAction("process.list", {}, host),
            began_ms=began(handles),
        )


def tasks(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect a program that starts tasks without end."""
    threads = facts.bad(host, "threads")
    if threads:
        backing = facts.bad(host, "load", "memory_used", "file_handles")
        yield Suspicion(
            "tasks.runaway",
            "there are many times more threads than usual",
            host,
            weighed(0.8, backing[:1], ()),
            Severity.WARNING,
            [*threads, *backing],
            about="tasks",
            next_check="see which program has so many: ps -eLf | sort by its name, and whether the number still grows",
            proposal=ProposedAction("process.list", {}, host),
            began_ms=began(threads),
        )


def busiest(processes: Sequence[Seen]) -> list[Seen]:
    """Return the processes of programs that use much of what all use together, the busiest program first.

    Many programs share their work among processes of one name, none of which is much by itself.
    """
    cores: dict[str, float] = defaultdict(float)
    for one in processes:
        cores[one.keys.get("name", "")] += one.value("cpu_cores")
    bar = max(_CORES, sum(cores.values()) * _SHARE)
    blamed = [one for one in processes if cores[one.keys.get("name", "")] >= bar]
    return sorted(
        blamed, key=lambda one: (-cores[one.keys.get("name", "")], one.keys.get("name", ""), -one.value("cpu_cores"))
    )


def _name(users: Sequence[Seen]) -> str:
    """Return the busiest program in words."""
    name = users[0].keys.get("name", "")
    alike = sum(one.keys.get("name", "") == name for one in users)
    return f"process {name} ({users[0].keys.get('pid', '')})" if alike == 1 else f"program {name} ({alike} processes)"


def _look_at(host: str, users: list[Seen]) -> ProposedAction:
    unit = users[0].keys.get("unit", "") if users else ""
    if unit.endswith(".service"):
        return ProposedAction("service.status", {"unit": unit}, host)
    return ProposedAction("process.list", {"by": "-pcpu"}, host)
