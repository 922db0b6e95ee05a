"""Hosts as such: silent ones, new starts, wrong clocks, heat, and agents that cannot tell all."""

from __future__ import annotations

from collections.abc import Iterator

from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.lib.units import format_seconds
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity


def silent(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect hosts that send nothing."""
    silence = facts.bad(host, "silence")
    if silence:
        told = [one for one in facts.of(host, "events") if one.keys.get("kind") == "host.down"][:1]
        yield Suspicion(
            "host.silent",
            f"the host sends nothing for {format_seconds(silence[0].value('silent_seconds'))}",
            host,
            weighed(0.85, told, ()),
            Severity.CRITICAL,
            [*silence, *told],
            about="host",
            next_check="see whether the machine is reachable at all, then whether its agent runs",
            began_ms=began(silence),
            rule="HostDown",
        )


def restarted(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Tell of hosts that started anew: no trouble by itself, and the cause of much."""
    anew = facts.bad(host, "uptime")
    if anew:
        told = [one for one in facts.of(host, "events") if one.keys.get("kind") == "host.boot"][:1]
        asked = [one for one in facts.of(host, "commands") if one.keys.get("action") == "host.reboot"][:1]
        yield Suspicion(
            "host.restarted",
            "the host started anew",
            host,
            weighed(0.85, [*told, *asked], ()),
            Severity.INFO,
            [*anew, *told, *asked],
            about="host",
            next_check="see whether somebody wanted it: commands, the audit log, the console",
            proposal=ProposedAction("host.uptime", {}, host),
            began_ms=began(anew),
        )


def clock(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect clocks that jumped or are wrong. A start anew moves the clock against it too, and is no jump."""
    steps = [] if facts.bad(host, "uptime") else facts.bad(host, "clock_step")
    offsets = facts.bad(host, "clock_offset")
    if steps:
        step = format_seconds(steps[0].value("recent"))
        yield Suspicion(
            "clock.jump", f"the clock of the host jumped by {step}", host, weighed(0.85, offsets, ()), Severity.WARNING,
            [*steps, *offsets], (), "clock", "see what sets the clock, and what else read it meanwhile: leases, tokens, tasks",
            ProposedAction("service.status", {"unit": "systemd-timesyncd.service"}, host), began(steps), "ClockSkew",
        )  # fmt: skip
    elif offsets:
        yield Suspicion(
            "clock.offset", "the clock of the host is wrong", host, weighed(0.85, (), ()), Severity.WARNING,
            offsets, (), "clock", "see whether anything keeps the clock, and what it says",
            ProposedAction("service.status", {"unit": "systemd-timesyncd.service"}, host), began(offsets), "ClockSkew",
        )  # fmt: skip


def heat(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect heat."""
    for one in facts.bad(host, "too_hot")[:2]:
        name = f"sensor {one.keys.get('chip', '')} {one.keys.get('label', '')}".strip()
        yield Suspicion(
            "hardware.hot", f"{name} is at its critical temperature", host, weighed(0.8, (), ()), Severity.HIGH, [one], (),
            name, "see the fans, the filters and the air of the room", None, one.began_ms, "TooHot",
        )  # fmt: skip
    for one in facts.bad(host, "gpu_temperature", "gpu_throttled")[:2]:
        name = f"GPU {one.keys.get('index', '')}"
        yield Suspicion(
            "gpu.throttled", f"{name} is hot or held back", host, weighed(0.75, (), ()), Severity.WARNING, [one], (),
            name, f"see why {name} is held back: heat, power, or a neighbour", None, one.began_ms, "GpuThrottled",
        )  # fmt: skip


def agents(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect agents that do not tell all: what they miss can hide a cause."""
    for one in facts.bad(host, "collectors")[:3]:
        name = f"collector {one.keys.get('collector', '')}"
        yield Suspicion(
            "agent.blind", f"{name} of the agent does not tell all", host, weighed(0.85, (), ()), Severity.WARNING, [one],
            (), name, "see what the agent says of it: nagare agent status", None, None, "CollectorFails",
        )  # fmt: skip
