"""The agent of this installation: does it run, does it deliver, and what waits; nothing where never one ran."""

from __future__ import annotations

from collections.abc import Iterator

from nagare.cli.offline.agent_report import AgentReport, AgentState, count_batches, read_agent
from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.config.settings import Settings
from nagare.errors import NagareError, NotFoundError
from nagare.lib.clock import SystemClock
from nagare.lib.units import format_bytes, format_seconds

_NAME = "agent queue"
_MENDS = {
    AgentState.RUNNING: "nagare agent status tells more; look at the agent's log and at the server",
    AgentState.SILENT: "look at the agent's log and at its disk; restart it when it hangs",
    AgentState.STOPPED: "start the agent: nagare agent, or nagare up",
}


def check_agent(settings: Settings, now_ms: int | None = None) -> Iterator[Check]:
    """Yield how the agent's queue is."""
    try:
        report = read_agent(settings, SystemClock().now_ms() if now_ms is None else now_ms)
    except NotFoundError:
        return
    except NagareError as error:
        yield bad(_NAME, error.message, error.hint or "look at the disk")
        return
    yield _queue_check(report)
    if report.notes:
        yield warn("agent losses", "; ".join(report.notes), "raise agent.spool_limit_bytes, or look why it was away")


def _queue_check(report: AgentReport) -> Check:
    queue = report.queue
    mend = _MENDS[report.state]
    if report.state is AgentState.STOPPED and not queue.batches:
        # What was to be sent was sent; whether one shall run here is not known.
        return warn(_NAME, "; ".join(report.faults), mend)
    if report.faults:
        return bad(_NAME, "; ".join(report.faults), mend)
    age = format_seconds(report.age_seconds or 0.0)
    oldest = f", oldest {format_seconds(queue.oldest_seconds)}" if queue.batches and queue.oldest_seconds else ""
    seen = f"{count_batches(queue.batches)} waiting{oldest}, {format_bytes(queue.bytes)} of {format_bytes(queue.limit_bytes)}"
    return ok(_NAME, f"{seen}; told {age} ago")
