"""What is said of an agent is what it told, and what it did not tell is not made up."""

from typing import Any

import pytest

from nagare.tui.agent_facts import AgentStanding, agent_groups
from nagare.tui.host_live import HostLive
from nagare.tui.widgets.inspector_list import Bar, Fact, Heading, Item, Note

NOW_MS = 1_760_000_000_000
MIB = 2**20


def _told(columns: dict[str, list[Any]], standing: AgentStanding | None = None) -> list[str]:
    groups = agent_groups(HostLive("web-1"), columns, standing, NOW_MS)
    return [_line(item) for group in groups for item in group]


def _line(item: Item) -> str:
    match item:
        case Heading(text):
            return text
        case Fact(key, value, state):
            return f"{key} {value} {state}".strip()
        case Bar(key, ratio, text):
            return f"{key} {ratio} {text}"
        case Note(text, state):
            return f"{state} {text}".strip()


def _agent(**more: Any) -> dict[str, list[Any]]:
    values = {
        "collector": "agent",
        "ok": True,
        "spool_bytes": 0,
        "spool_batches": 0,
        "spool_oldest_seconds": 0.0,
        **more,
    }
    return {name: [value] for name, value in values.items()}


def test_an_agent_that_told_nothing() -> None:
    told = _told({})
    assert "this agent does not tell of its queue" in told
    assert "collectors none told of itself yet" in told
    assert "version not told" in told
    assert "asking the server" in told


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "state keeps up up"),
        ({"spool_batches": 9, "spool_oldest_seconds": 61.0}, "state waits: the server is away, or slow warn"),
        ({"spool_bytes": 52 * MIB, "spool_limit_bytes": 64 * MIB}, "state nearly full: old is thinned crit"),
        ({"spool_bytes": 32 * MIB, "spool_limit_bytes": 64 * MIB}, "holds 0.5 32.0M/64.0M"),
        ({"spool_bytes": 3 * MIB}, "holds 3.0M"),
        ({"spool_batches": 9, "spool_oldest_seconds": 61.0}, "waiting 9 batches, oldest 1m01s"),
        ({}, "waiting 0 batches"),
        ({}, "left out none"),
        ({"batches_dropped_total": 2, "batches_thinned_total": 7}, "warn 7 thinned, 2 dropped"),
        ({"batches_damaged_total": 1}, "warn 1 damaged"),
        ({"batches_sent_total": 10}, "sent 10, again –"),
    ],
)
def test_the_queue(more: dict[str, Any], line: str) -> None:
    assert line in _told(_agent(**more))


def test_collectors_that_fail_and_that_are_late() -> None:
    columns: dict[str, list[Any]] = {
        "collector": ["agent", "cpu", "disk", "smart", "gpu"], "ok": [True, True, False, True, False],
        "ts": [NOW_MS, NOW_MS - 60_000, NOW_MS, NOW_MS - 60_000, NOW_MS], "interval_seconds": [5.0, 5.0, 5.0, 3600.0, 5.0],
    }  # fmt: skip
    told = _told(columns)
    assert {"collectors 1 of 4 well", "warn failing: disk, gpu", "stale late: cpu"} <= set(told)


def test_what_it_was_asked_to_do() -> None:
    standing = AgentStanding("disk.usage", "failed", NOW_MS - 61_000, "0.2.0", "failed", "its bundle\x1b[2J is damaged")
    told = _told({}, standing)
    assert "last disk.usage, 1m01s ago failed" in told
    assert "update 0.2.0 failed warn" in told
    assert "warn its bundle␛[2J is damaged" in told
    assert {"last no command yet", "update no rollout names this host"} <= set(_told({}, AgentStanding()))
    assert "cannot ask: no" in _told({}, AgentStanding(refusal="cannot ask: no"))
