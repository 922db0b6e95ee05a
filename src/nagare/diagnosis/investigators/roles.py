"""Who looks at what: the sides of a case, each with the tools of evidence that it may use. One more side is one more line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from nagare.diagnosis.evidence.seen import Tool

_HAPPENINGS = frozenset({"alerts", "events", "commands", "uptime", "changes", "deeds", "gone_processes"})
_LOGS = frozenset({"logs", "oom_kills", "units"})
_TOPOLOGY = frozenset({"neighbours", "probe", "network", "silence", "missing_hosts", "certificates"})
_KNOWLEDGE = frozenset({"passages"})


@dataclass(frozen=True, slots=True)
class Role:
    """One side of a case. ``tools`` are names of tools; None is whatever no other role has a use for."""

    name: str
    text: str
    tools: frozenset[str] | None


ROLES = (
    Role("metrics", "Look at numbers over time: which moved first, how far, and what follows from it.", None),
    Role(
        "changes",
        "Look at what happened shortly before: starts, commands, events, alerts, processes that ended.",
        _HAPPENINGS,
    ),
    Role("logs", "Look at what programs and the kernel wrote and did: failures, kills, restarts.", _LOGS),
    Role(
        "topology",
        "Look at what hosts depend on: whether the trouble comes from another host or from between them.",
        _TOPOLOGY,
    ),
    Role("knowledge", "Look at what people wrote down: runbooks and past incidents that fit what is seen.", _KNOWLEDGE),
)
ALONE = Role("investigator", "Look at numbers over time, at what happened before, and at what hosts depend on.", None)


def shared_out(tools: Collection[Tool], *, many: bool) -> list[tuple[Role, dict[str, Tool]]]:
    """Return who works with which of ``tools``: all roles that have any, or one with all of them."""
    by_name = {tool.name: tool for tool in tools}
    if not many:
        return [(ALONE, by_name)]
    special = frozenset[str]().union(*(role.tools for role in ROLES if role.tools is not None))
    shares = [
        (
            role,
            {
                name: tool
                for name, tool in by_name.items()
                if (name in role.tools if role.tools else name not in special)
            },
        )
        for role in ROLES
    ]
    return [(role, share) for role, share in shares if share]
