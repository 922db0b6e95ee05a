"""Services: units that failed, and processes that ended while somebody still needs them."""

from __future__ import annotations

from collections.abc import Iterator

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity

# What ended and what is missed belong together when not more than this lies between them.
_TOGETHER_MS = 90_000


def failed(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect units that failed or are started again and again."""
    for unit in facts.bad(host, "units"):
        name, has_failed = unit.keys.get("name", ""), unit.value("failed") > 0
        told = [one for one in facts.of(host, "events") if name in one.keys.get("text", "")][:2]
        yield Suspicion(
            "unit.failed" if has_failed else "unit.restarting",
            f"unit {name} has failed" if has_failed else f"unit {name} is started again and again",
            host,
            weighed(0.85, told, ()),
            Severity.HIGH if has_failed else Severity.WARNING,
            [unit, *told],
            about=f"unit {name}",
            next_check=f"read what {name} last wrote: nagare run service.logs",
            proposal=ProposedAction("service.logs", {"unit": name}, host),
            began_ms=began([unit, *told]),
            rule="UnitFailed" if has_failed else "UnitRestarts",
        )


def crashed(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect a process that ended where something that needs it failed at the same time."""
    missed = [*facts.bad(host, "probe_failed"), *facts.bad(host, "units")]
    for process in sorted(facts.of(host, "gone_processes"), key=lambda one: -one.value("memory_bytes")):
        needing = [one for one in missed if _together(process, one)]
        if not needing:
            continue
        name = f"process {process.keys.get('name', '')} ({process.keys.get('pid', '')})"
        unit = process.keys.get("unit", "")
        has_unit = unit.endswith(".service")
        yield Suspicion(
            "process.crashed",
            f"{name} ended, and {needing[0].keys.get('target') or needing[0].keys.get('name', '')} fails",
            host,
            weighed(0.75, needing[:2], ()),
            Severity.HIGH,
            [process, *needing],
            about=name,
            next_check=f"see why {name} ended: the log of its unit, a core dump, a kill by the kernel",
            proposal=ProposedAction("service.logs", {"unit": unit}, host)
            if has_unit
            else ProposedAction("process.list", {}, host),
            began_ms=process.began_ms,
            rule="UnitFailed",
        )
        return


def _together(process: Seen, other: Seen) -> bool:
    return (
        process.began_ms is not None
        and other.began_ms is not None
        and abs(other.began_ms - process.began_ms) <= _TOGETHER_MS
    )
