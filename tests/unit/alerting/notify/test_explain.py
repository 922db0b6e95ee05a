"""What ``why`` says of the way from an alert to people: who is told, what is waited for, and why a notice went nowhere."""

from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from nagare.alerting.notify.brief import Brief
from nagare.alerting.notify.explain import delivery_steps, has_arrived, incident_steps, route_steps
from nagare.alerting.notify.planning import Key
from nagare.model.event import Severity
from nagare.model.notify.incident import Incident
from nagare.model.notify.mute import MuteTime, Span
from nagare.model.notify.notice import DeliveryState
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.receiver import Receiver, Rotation
from tests.support.notify_room import NOW_MS, alert, channel, delivery, incident, notifying

KEY: Key = ("", (("alertname", "Full"),))
# NOW_MS is 08:53:20 of a Thursday.
_MUTES = {
    "nights": MuteTime("nights", ZoneInfo("UTC"), (Span(frozenset(range(7)), 22 * 60, 6 * 60),)),
    "mornings": MuteTime("mornings", ZoneInfo("UTC"), (Span(frozenset(range(7)), 8 * 60, 9 * 60),)),
}


def _incident(**fields: object) -> Incident:
    return replace(incident(), **fields)  # type: ignore[arg-type]


def _with(given: Notifying, **root: object) -> Notifying:
    return replace(given, mutes=_MUTES, root=replace(given.root, **root))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mutes", "told"),
    [
        ((), []),
        (("nights",), []),
        (("nights", "mornings"), [(False, "the route is mute now: mornings")]),
    ],
)
def test_a_route_says_whether_it_is_mute_now(mutes: tuple[str, ...], told: list[tuple[bool, str]]) -> None:
    first, *rest = route_steps(_with(notifying(), mutes=mutes), KEY, NOW_MS)
    assert (first.passes, first.text) == (True, "route root to ops, grouped as alertname=Full")
    assert [(step.passes, step.text) for step in rest] == told


def test_a_route_names_who_is_on_duty_now() -> None:
    rotation = Rotation("duty", ("ada", "bob"), "2025-10-01T08:00:00", 7, ZoneInfo("UTC"))
    people = {name: Receiver(name, ()) for name in ("ada", "bob")}
    given = replace(_with(notifying(), receiver="duty"), rotations={"duty": rotation}, receivers=people)
    texts = [route_steps(given, ("", ()), NOW_MS + days * 86_400_000)[0].text for days in (0, 7)]
    assert texts == [f"route root to duty (now {name}), grouped as one group" for name in ("bob", "ada")]


def test_a_route_that_is_gone_lets_nothing_pass() -> None:
    (step,) = route_steps(notifying(), ("host=gone", ()), NOW_MS)
    assert (step.passes, step.text) == (False, "route host=gone is gone")
    # An incident that went by it waits for nothing that could be told.
    (only,) = incident_steps(notifying(), _incident(route="host=gone", waiting_ms=NOW_MS), alert("a"), is_due=True)
    assert only.step == "incident"


@pytest.mark.parametrize("is_due", [True, False])
def test_what_is_waited_for(is_due: bool) -> None:
    given = notifying(receiver="oncall")
    told = _incident(number=1, told={"a": "firing"}, told_ms=NOW_MS, waiting_ms=NOW_MS, step=1)
    first, waiting = incident_steps(given, told, alert("a"), is_due=is_due)
    assert first.text.endswith("notice 1 was made; the last word on it is firing")
    whom = "it is told again" if is_due else "if another one of its group needs somebody, that is told again"
    assert waiting.text == (
        f"{whom} at 2025-10-09T12:53:20.000Z; if nobody acknowledges it, boss at 2025-10-09T09:08:20.000Z"
    )
    (_, last) = incident_steps(given, replace(told, step=2), alert("a"), is_due=is_due)
    assert last.text == f"{whom} at 2025-10-09T12:53:20.000Z"
    # Once somebody has it in hand, nothing is waited for.
    assert len(incident_steps(given, replace(told, waiting_ms=None), alert("a"), is_due=is_due)) == 1
    assert incident_steps(given, None, alert("a"), is_due=is_due)[0].passes is False


def _notice_went(given: Notifying, told_to: tuple[str, ...], severity: int) -> str:
    (step,) = delivery_steps(given, _incident(number=1, told_to=told_to, severity=severity), [])
    assert step.passes is False
    return step.text.removeprefix("notice 1 went to no channel: ")


def test_why_a_notice_went_to_no_channel() -> None:
    loud = channel("ops/phone", severity=Severity.CRITICAL)
    given = notifying(Receiver("ops", (loud,)), Receiver("mute", ()))
    assert _notice_went(given, ("ops",), 2) == "the worst of it is high; ops/phone takes critical and worse"
    # Numbers that no version of ours wrote are told, too.
    assert _notice_went(given, ("ops",), -1).startswith("the worst of it is info")
    assert _notice_went(given, ("ops",), 3) == "its channels do not tell of such things, or what was sent is forgotten"
    for nobody in (("mute",), ("gone",), ()):
        assert _notice_went(given, nobody, 2) == "nobody who is told of it has a channel"
    # The notice before it went somewhere, and that does not pass for this one.
    before = Brief.of(delivery(number=1))
    steps = delivery_steps(given, _incident(number=2, told_to=("ops",), severity=2), [before])
    assert [step.passes for step in steps] == [False, True]
    assert delivery_steps(given, _incident(), []) == []


_WENT: Mapping[str, tuple[dict[str, object], bool, str]] = {
    "waits": ({}, True, "waits since 2025-10-09T08:53:20.000Z"),
    "again": ({"tries": 1, "fault": "no route to host"}, False, "waits until 2025-10-09T08:53:20.000Z after 1 try: no route to host"),
    "sent": ({"state": "sent", "tries": 2, "done_ms": NOW_MS + 1000}, True, "sent at 2025-10-09T08:53:21.000Z, 2 tries"),
    "dead": ({"state": "dead", "tries": 9, "fault": "401"}, False, "dead after 9 tries: 401"),
    "dropped": ({"state": "dropped", "fault": "its channel is gone"}, False, "dropped after 0 tries: its channel is gone"),
}  # fmt: skip


@pytest.mark.parametrize("how", _WENT)
def test_how_a_notice_went(how: str) -> None:
    fields, passes, text = _WENT[how]
    brief = replace(Brief.of(delivery()), **fields)  # type: ignore[arg-type]
    (step,) = delivery_steps(notifying(), _incident(number=1, told_to=("ops",)), [brief])
    assert (step.passes, step.text) == (passes, f"notice 1 (first notification) to ops/phone: {text}")
    assert has_arrived(_incident(number=1), [brief]) is (brief.state == DeliveryState.SENT)
    assert not has_arrived(_incident(number=2), [brief])
