"""The tools, by name: everything that evidence can be asked of. One more tool is one more line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.diagnosis.evidence import happenings, presence, processes, states
from nagare.diagnosis.evidence.anomalies import look_anomalies
from nagare.diagnosis.evidence.aspect import tool_of
from nagare.diagnosis.evidence.changed import look_changed
from nagare.diagnosis.evidence.changes import look_changes, look_deeds
from nagare.diagnosis.evidence.metrics import metric_tools
from nagare.diagnosis.evidence.neighbours import look_neighbours
from nagare.diagnosis.evidence.seen import Tool
from nagare.diagnosis.evidence.space import SPACE

TOOLS: Mapping[str, Tool] = MappingProxyType(
    metric_tools()
    | {
        tool.name: tool
        for tool in (
            tool_of(SPACE, "disk", "room on each file system, how fast it goes and when it will be full"),
            tool_of(states.UNITS, "unit", "units of systemd that failed or are started again and again"),
            tool_of(states.KILLS, "memory", "programs that the kernel ended for want of memory"),
            tool_of(states.DRIVES, "smart", "what drives say of their own health"),
            tool_of(states.CERTIFICATES, "probe", "certificates and when they end"),
            tool_of(states.COLLECTORS, "agent", "collectors that fail, and samples that wait or were dropped"),
            tool_of(presence.SILENCE, "load", "hosts that send nothing, and since when"),
            Tool("missing_hosts", "hosts that are silent since before the time looked at", "load", presence.look_missing),
            tool_of(presence.UPTIME, "load", "hosts that started anew"),
            tool_of(presence.GAPS, "gaps", "stretches of time without samples"),
            Tool("processes", "the processes that use most, as they are now", "process", processes.look_top, is_detail=True),
            tool_of(processes.GROWING, "process", "processes whose memory grows", is_detail=True),
            Tool("gone_processes", "processes that ran and are gone", "process", processes.look_gone, is_detail=True),
            Tool("changed", "what changed first and most, ranked over all series of a host", "load", look_changed, is_detail=True, is_joint=True),
            Tool("anomalies", "series of a host with rows that were unlike their past", "anomalies", look_anomalies, is_detail=True),
            Tool("neighbours", "what a host depends on, by its labels, and how that is", "hosts", look_neighbours, is_detail=True, is_joint=True),
            Tool("alerts", "alerts that are open", "alerts", happenings.look_alerts),
            Tool("events", "what happened: starts, failures, notes of people", "events", happenings.look_events),
            Tool("changes", "deploys and other changes that events tell of, also of no host", "events", look_changes, is_detail=True, is_joint=True),
            Tool("deeds", "what people set in this installation, by the audit log", "audit", look_deeds, is_detail=True, is_joint=True),
            Tool("commands", "remote commands that were run", "commands", happenings.look_commands, is_detail=True),
        )
    }
)  # fmt: skip
