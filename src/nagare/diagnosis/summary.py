"""The first line of a diagnosis and its readings, as monitoring plugins write them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.evidence.window import clock_text
from nagare.diagnosis.gathering import Gathered
from nagare.model.diagnosis.diagnosis import Perf
from nagare.model.diagnosis.finding import Hypothesis
from nagare.model.event import Severity

# A finding that is less likely than this makes nothing bad by itself.
LIKELY = 0.5
# Of what could not be looked at, so many are named; the notes have all.
_NAMES_MOST = 6
_READINGS = (("cpu", "cpu_busy", 0.92), ("memory", "memory_used", 0.95), ("disk", "disk_used", 0.95))


def severity_of(findings: Iterable[Hypothesis], gathered: Gathered) -> Severity | None:
    """Return how bad things are: as bad as the worst likely finding or open alert; None where that cannot be told.

    It cannot where nothing was seen, nor where nothing bad was and not everything could be looked at.
    """
    alerts = [one.value("severity") for one in open_alerts(gathered)]
    likely = [one.severity for one in findings if one.confidence >= LIKELY]
    if not gathered.hosts_seen and not likely and not alerts:
        return None
    worst = Severity(int(max([0, *likely, *alerts])))
    return None if worst is Severity.INFO and gathered.failed else worst


def open_alerts(gathered: Gathered) -> list[Seen]:
    """Return the open alerts of every host, and those of none."""
    facts = gathered.facts
    return [one for host in ("", *facts.hosts) for one in facts.of(host, "alerts")]


def summary_of(severity: Severity | None, findings: Sequence[Hypothesis], gathered: Gathered) -> str:
    """Return one sentence: what is wrong, where and since when."""
    if severity is None and gathered.failed:
        return _unseen(gathered)
    if severity is None:
        return "nothing is known: no host sent anything in this window"
    if findings and findings[0].confidence >= LIKELY and (severity > 0 or findings[0].severity > 0):
        first = findings[0]
        since = "" if first.began_ms is None else f" since {clock_text(first.began_ms)} UTC"
        others = sum(one.severity > 0 for one in findings[1:])
        more = f", {others} more {'finding' if others == 1 else 'findings'}" if others else ""
        where = f"{first.host}: " if first.host else ""
        return f"{where}{first.title}{since} ({first.confidence:.0%} sure){more}"
    if severity > 0:
        alerts = open_alerts(gathered)
        count = f"{len(alerts)} {'alert is' if len(alerts) == 1 else 'alerts are'} open"
        if not findings:
            return f"inconclusive: {count}, and no cause could be shown"
        first = findings[0]
        return f"inconclusive: {count}, and no cause is likely; most so: {first.title} ({first.confidence:.0%} sure)"
    hosts = "1 host" if gathered.hosts_seen == 1 else f"{gathered.hosts_seen} hosts"
    return f"nothing is wrong with {hosts}"


def _unseen(gathered: Gathered) -> str:
    names = ", ".join(gathered.failed[:_NAMES_MOST])
    more = len(gathered.failed) - _NAMES_MOST
    return f"cannot tell whether all is well: {names}{f' and {more} more' if more > 0 else ''} could not be looked at"


def perfdata_of(findings: Sequence[Hypothesis], gathered: Gathered, seconds: float) -> tuple[Perf, ...]:
    """Return the readings behind the summary: counts, and the worst of what every host has."""
    facts = gathered.facts
    worst = []
    for label, tool, critical in _READINGS:
        values = [one.value("recent") for host in facts.hosts for one in facts.of(host, tool)]
        if values:
            worst.append(Perf(label, round(max(values) * 100, 1), "%", critical=round(critical * 100, 1)))
    return (
        Perf("hosts", gathered.hosts_seen),
        Perf("findings", sum(one.severity > 0 for one in findings)),
        Perf("alerts", len(open_alerts(gathered))),
        *worst,
        Perf("time", round(seconds, 3), "s"),
    )
