"""Notices as the planning makes them, for tests of what brings them to people."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from nagare.model.event import Severity
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Delivery, DeliveryState, Line, Notice
from nagare.model.notify.receiver import Channel, ChannelKind

START_MS = 1_760_000_000_000
INCIDENT = "5f0c2a5e9d1b4c8f8a7d3e2b1c0f9e8d"
ACK_URL = "https://nagare.example.com/ack/abc?x=1&y=2"


def line(host: str = "web1", **more: Any) -> Line:
    given: dict[str, Any] = {
        "id": f"alert-{host}", "name": "DiskFull", "host": host, "severity": 3, "state": "firing", "summary": "/ is 93 % full",
        "labels": {"alertname": "DiskFull", "host": host, "device": "/dev/sda1"}, "annotations": {"runbook": "https://r.example/disk"},
        "fingerprint": "a1b2c3d4e5f60718", "starts_ms": START_MS, "value": 93.2, **more,
    }  # fmt: skip
    return Line(**given)


def notice(*firing: Line, **more: Any) -> Notice:
    """Return a first notice of ``firing``; one alert where none is given."""
    lines = firing or (line(),)
    given: dict[str, Any] = {
        "incident": INCIDENT, "number": 1, "route": "{}/{team=\"db\"}", "receiver": "ops", "reason": Reason.FIRST, "at_ms": START_MS + 30_000,
        "labels": {"alertname": "DiskFull"}, "severity": 3, "firing": lines, "resolved": (), "firing_count": len(lines), "resolved_count": 0,
        **more,
    }  # fmt: skip
    return Notice(**given)


def over(*resolved: Line, **more: Any) -> Notice:
    """Return the notice that all is over."""
    lines = tuple(replace(one, state="resolved", ended_ms=one.starts_ms + 750_000) for one in resolved or (line(),))
    given: dict[str, Any] = {
        "firing": (),
        "firing_count": 0,
        "resolved": lines,
        "resolved_count": len(lines),
        "reason": Reason.ALL_RESOLVED,
        "number": 2,
        **more,
    }
    return notice(**given)


def trial(**more: Any) -> Notice:
    """Return a notice by which somebody tries whether a channel works."""
    return notice(firing=(), firing_count=0, reason=Reason.TEST, severity=0, labels={}, **more)


def delivery(told: Notice, kind: ChannelKind = ChannelKind.WEBHOOK, channel: str = "ops/phone") -> Delivery:
    return Delivery(
        id=f"{told.incident}.{told.number}.0123456789ab", channel=channel, kind=kind.value, notice=told,
        state=DeliveryState.WAITING, made_ms=told.at_ms, due_ms=told.at_ms,
    )  # fmt: skip


def channel(kind: ChannelKind, key: str = "ops/phone", secret_file: str = "", **options: str) -> Channel:
    return Channel(key, kind, secret_file=secret_file, options=MappingProxyType(options))


# Whatever a stranger can put into a label, and whatever a column can hold.
_TEXTS = st.text(max_size=60) | st.sampled_from(
    ["\x1b[31m", "<!channel>", "@all", "&amp;", '"' * 50, "\u202e", "😀" * 30, "x" * 5000]
)
_MOMENTS = st.integers(min_value=-(2**62), max_value=2**62)
_LABELS: st.SearchStrategy[Mapping[str, str]] = st.dictionaries(_TEXTS, _TEXTS, max_size=4)
LINES = st.builds(
    Line, id=_TEXTS, name=_TEXTS, host=_TEXTS, severity=st.integers(-1, 5), state=_TEXTS, summary=_TEXTS, labels=_LABELS,
    annotations=_LABELS, fingerprint=_TEXTS, starts_ms=_MOMENTS, ended_ms=st.none() | _MOMENTS, value=st.none() | st.floats(), owner=_TEXTS,
)  # fmt: skip
_LISTS = st.lists(LINES, max_size=50).map(tuple)
NOTICES = st.builds(
    Notice, incident=_TEXTS, number=st.integers(1, 9), route=_TEXTS, receiver=_TEXTS, reason=st.sampled_from(list(Reason)) | _TEXTS,
    at_ms=_MOMENTS, labels=_LABELS, severity=st.sampled_from([int(one) for one in Severity]), firing=_LISTS, resolved=_LISTS,
    firing_count=st.integers(0, 10**6), resolved_count=st.integers(0, 10**6),
)  # fmt: skip
