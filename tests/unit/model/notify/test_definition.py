"""Files of notifications: every fault is pointed at, and nothing that TOML can say is more than a fault."""

import tomllib
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.event import Severity
from nagare.model.notify.definition import default_notifying, parse_notifying
from nagare.model.notify.heartbeat import Heartbeat, Pulse
from nagare.model.notify.mute import MuteTime, Span
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.reading.channels import KINDS
from nagare.model.notify.receiver import Channel, ChannelKind, Override, Rotation, Step
from nagare.model.notify.route import routes_for
from tests.support.source import ROOT

BERLIN = ZoneInfo("Europe/Berlin")
WHOLE = """
[route]
receiver = "oncall"
group_by = ["alertname"]
repeat_interval = "1h"
mutes = ["nights"]
[[route.routes]]
matchers = ["team=db", "severity=~high|critical"]
receiver = "ann"
group_wait = "5s"
continue = true
[[route.routes.routes]]
matchers = ["host=db1"]
group_by = ["..."]
mutes = []
[[route.routes]]
receiver = "nobody"
[[receiver]]
name = "ann"
fallback = "bob"
[[receiver.channel]]
name = "phone"
kind = "ntfy"
topic = "alerts"
secret_file = "/etc/nagare/ntfy-token"
severity = "warning"
resolved = false
per_minute = 3
[[receiver.channel]]
kind = "telegram"
chat_id = -1001234
secret_env = "BOT"
[[receiver]]
name = "bob"
[[receiver.channel]]
kind = "terminal"
[[receiver]]
name = "nobody"
[[rotation]]
name = "primary"
people = ["ann", "bob"]
starts_at = 2026-01-05T09:00:00
every = "7d"
zone = "Europe/Berlin"
[[rotation.override]]
from = "2026-07-01T09:00"
until = "2026-07-02T09:00:00Z"
receiver = "bob"
[[escalation]]
name = "oncall"
[[escalation.step]]
to = ["primary"]
[[escalation.step]]
after = "15m"
to = ["bob", "primary"]
[[mute]]
name = "nights"
zone = "Europe/Berlin"
[[mute.span]]
days = ["sat", "sun"]
[[mute.span]]
from = "22:00"
until = "06:00"
[[heartbeat]]
name = "backup"
every = "1d"
grace = "1h"
severity = "critical"
text = "no backup"
[pulse]
secret_env = "PULSE"
"""


def _whole() -> Notifying:
    return parse_notifying(tomllib.loads(WHOLE), "notify.toml")


def test_a_file_says_whom_to_tell() -> None:
    found = _whole()
    assert found.rotations["primary"] == Rotation(
        "primary",
        ("ann", "bob"),
        "2026-01-05T09:00:00",
        7,
        BERLIN,
        (Override(_ms(datetime(2026, 7, 1, 7, 0, tzinfo=UTC)), _ms(datetime(2026, 7, 2, 9, 0, tzinfo=UTC)), "bob"),),
    )
    assert found.escalations["oncall"].steps == (Step(0.0, ("primary",)), Step(900.0, ("bob", "primary")))
    assert found.mutes["nights"] == MuteTime(
        "nights", BERLIN, (Span(frozenset({5, 6}), 0, 1440), Span(frozenset(range(7)), 1320, 360))
    )
    assert found.heartbeats == {"backup": Heartbeat("backup", 86_400, 3600, Severity.CRITICAL, "no backup")}
    assert found.pulse == Pulse("", "PULSE", 60.0)
    assert found.receivers["ann"].fallback == "bob"
    assert found.receivers["ann"].channels == (
        Channel(
            "ann/phone",
            ChannelKind.NTFY,
            secret_file="/etc/nagare/ntfy-token",
            options={"topic": "alerts", "url": "https://ntfy.sh"},
            severity=Severity.WARNING,
            tells_resolved=False,
            per_minute=3.0,
        ),
        Channel("ann/telegram", ChannelKind.TELEGRAM, secret_env="BOT", options={"chat_id": "-1001234"}),
    )
    assert found.channel("bob/terminal") == Channel("bob/terminal", ChannelKind.TERMINAL, per_minute=60.0)


def test_what_a_node_does_not_say_its_parent_does() -> None:
    root, db, one, rest = _whole().root.walk()
    assert [one.path for one in (root, db, one, rest)] == [
        "",
        "{severity=~high|critical, team=db}",
        "{severity=~high|critical, team=db}/{host=db1}",
        "{}",
    ]
    assert [node.receiver for node in (root, db, one, rest)] == ["oncall", "ann", "ann", "nobody"]
    assert [node.group_by for node in (root, db, one)] == [("alertname",), ("alertname",), ("...",)]
    assert [node.group_wait_seconds for node in (root, db, one, rest)] == [30, 5, 5, 30]
    assert {node.repeat_interval_seconds for node in root.walk()} == {3600}
    assert [node.mutes for node in (root, db, one)] == [("nights",), ("nights",), ()]
    # It goes on or not by its own word alone.
    assert [node.goes_on for node in (root, db, one, rest)] == [False, True, False, False]
    labels = {"team": "db", "severity": "high"}
    assert [node.path for node in routes_for(root, labels)] == [db.path, "{}"]


def test_without_a_file_a_dashboard_is_told() -> None:
    found = default_notifying()
    assert found.receivers["terminal"].channels[0].kind is ChannelKind.TERMINAL
    assert found.root.receiver == "terminal"
    assert found.channel("terminal/terminal") is not None


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _faults_of(tables: dict[str, Any]) -> dict[str, str]:
    try:
        parse_notifying(tables, "notify.toml")
    except InputError as error:
        return {fault["pointer"].removeprefix("#/"): fault["detail"] for fault in error.errors}
    return {}


_BASE = '[route]\nreceiver = "ops"\n'


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", "route", "is missing"),
        ("[[route]]\n", "route", "must be a table"),
        ("[route]\n", "route/receiver", "is missing"),
        (_BASE, "route/receiver", "no receiver, rotation or escalation 'ops'"),
        ('[route]\nreceiver="opps"\n[[receiver]]\nname="ops"', "route/receiver", "did you mean 'ops'"),
        (_BASE + 'matchers=["a=b"]', "route/matchers", "nothing that the root may say"),
        (_BASE + "continue=true", "route/continue", "nothing that the root may say"),
        (_BASE + 'group_wait="2d"', "route/group_wait", "within 0s to 1d0h"),
        (_BASE + 'group_interval="0s"', "route/group_interval", "within 1s to"),
        (_BASE + "repeat_interval=5", "route/repeat_interval", "must be a text"),
        (_BASE + 'repeat_intervall="5m"', "route/repeat_intervall", "did you mean 'repeat_interval'"),
        (_BASE + 'group_by=["...","host"]', "route/group_by", "has more than ..."),
        (_BASE + 'group_by=["a b"]', "route/group_by/0", "must be the name of a label"),
        (_BASE + 'group_by=["a","a"]', "route/group_by/1", "is there already"),
        (_BASE + 'mutes=["nihgts"]\n[[mute]]\nname="nights"', "route/mutes/0", "did you mean 'nights'"),
        (_BASE + '[[route.routes]]\nmatchers=["a"]', "route/routes/0/matchers/0", "cannot read matcher"),
        (_BASE + '[[route.routes]]\nreceiver=""', "route/routes/0/receiver", "is empty"),
        (
            _BASE + 2 * '[[route.routes]]\nmatchers=["a=b","c=d"]\n',
            "route/routes/1/matchers",
            "is that of another route: {a=b, c=d}",
        ),
        (
            _BASE + '[[route.routes]]\nmatchers=["a=b","c=d"]\n[[route.routes]]\nmatchers=["c=d","a=b"]',
            "route/routes/1/matchers",
            "is that of another route",
        ),
        ('[[receiver]]\nname="a/b"', "receiver/0/name", "must be letters"),
        ('[[receiver]]\nname="a"\n[[rotation]]\nname="a"', "rotation/0/name", "a is there already"),
        ('[[escalation]]\nname="a"\n[[receiver]]\nname="a"', "escalation/0/name", "a is there already"),
        ('[[receiver]]\nname="a"\nfallback="b"', "receiver/0/fallback", "there is no receiver 'b'"),
        ('[[receiver]]\nname="a"\nfallback="a"', "receiver/0/fallback", "is the receiver itself"),
        ('[[receiver]]\nname="a"\nfallback="r"\n[[rotation]]\nname="r"', "receiver/0/fallback", "no receiver 'r'"),
        ('[[rotation]]\nname="r"', "rotation/0/people", "is empty"),
        ('[[rotation]]\nname="r"\npeople=["x"]', "rotation/0/people/0", "there is no receiver 'x'"),
        ('[[rotation]]\nname="r"\npeople=["x","x"]', "rotation/0/people/1", "names 'x' twice"),
        ('[[rotation]]\nname="r"\nstarts_at="soon"', "rotation/0/starts_at", "must be a moment"),
        ('[[rotation]]\nname="r"\nstarts_at="0001-01-01T00:00"', "rotation/0/starts_at", "of the years"),
        ('[[rotation]]\nname="r"\nstarts_at="2026-01-05T09:00Z"', "rotation/0/starts_at", "must have no offset"),
        ('[[rotation]]\nname="r"\nevery="12h"', "rotation/0/every", "must be within 1d0h"),
        ('[[rotation]]\nname="r"\nevery="36h"', "rotation/0/every", "whole days"),
        ('[[rotation]]\nname="r"\nzone="Europe/Nowhere"', "rotation/0/zone", "no such zone"),
        (
            '[[rotation]]\nname="r"\n[[rotation.override]]\nfrom="2026-01-02T00:00"\nuntil="2026-01-01T00:00"',
            "rotation/0/override/0/until",
            "must be after from",
        ),
        (
            '[[rotation]]\nname="r"\n[[rotation.override]]\nreceiver="x"',
            "rotation/0/override/0/receiver",
            "no receiver",
        ),
        ('[[escalation]]\nname="e"', "escalation/0/step", "there is none"),
        ('[[escalation]]\nname="e"\n[[escalation.step]]', "escalation/0/step/0/to", "is empty"),
        ('[[escalation]]\nname="e"\n[[escalation.step]]\nafter="5m"', "escalation/0/step/0/after", "must be 0s"),
        ('[[escalation]]\nname="e"\n' + 2 * "[[escalation.step]]\n", "escalation/0/step/1/after", "must be later"),
        (
            '[[escalation]]\nname="e"\n[[escalation.step]]\nto=["e"]',
            "escalation/0/step/0/to/0",
            "there is no receiver or rotation 'e'",
        ),
        ('[[mute]]\nname="m"', "mute/0/span", "there is none"),
        ('[[mute]]\nname="m"\n[[mute.span]]\ndays=["Mon"]', "mute/0/span/0/days/0", "must be one of mon"),
        ('[[mute]]\nname="m"\n[[mute.span]]\ndays=[]', "mute/0/span/0/days", "is empty"),
        ('[[mute]]\nname="m"\n[[mute.span]]\nfrom="24:00"', "mute/0/span/0/from", "a time of the day"),
        ('[[mute]]\nname="m"\n[[mute.span]]\nuntil="7:00"', "mute/0/span/0/until", "a time of the day"),
        (2 * '[[mute]]\nname="m"\n', "mute/1/name", "m is there already"),
        ('[[heartbeat]]\nname="h"\nevery="1s"', "heartbeat/0/every", "within 10s"),
        ('[[heartbeat]]\nname="h"\nevery="1d"\nseverity="bad"', "heartbeat/0/severity", "one of info"),
        ("[pulse]\n", "pulse/secret_file", "is missing"),
        ('[pulse]\nsecret_env="a b"', "pulse/secret_env", "name of a variable"),
        ('[pulse]\nsecret_file="token"', "pulse/secret_file", "whole path"),
        ('[pulse]\nsecret_file="/token"\nsecret_env="T"', "pulse/secret_env", "beside secret_file"),
        ("[recievers]\n", "recievers", "did you mean 'receiver'"),
    ],
)
def test_every_fault_has_its_place(text: str, place: str, told: str) -> None:
    assert told in _faults_of(tomllib.loads(text)).get(place, "nothing")


def _channel(**fields: Any) -> dict[str, str]:
    tables = {"route": {"receiver": "ops"}, "receiver": [{"name": "ops", "channel": [fields]}]}
    return {place.removeprefix("receiver/0/channel/0/"): told for place, told in _faults_of(tables).items()}


_SECRET = {"secret_file": "/run/secret"}


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "terminal"},
        {"kind": "ntfy", "topic": "a"},
        {"kind": "ntfy", "topic": "a", "secret_env": "A", "url": "http://127.0.0.1:8080"},
        {"kind": "slack"} | _SECRET,
        {"kind": "slack", "channel": "#ops", "url": "https://slack.example/api"} | _SECRET,
        {"kind": "telegram", "chat_id": "@ops", "thread_id": 3} | _SECRET,
        {"kind": "pagerduty"} | _SECRET,
        {"kind": "webhook"} | _SECRET,
        {"kind": "webhook", "url": "https://hooks.example/x"},
        {"kind": "webhook", "url": "https://hooks.example/"} | _SECRET,
        {"kind": "apprise"} | _SECRET,
    ],
)
def test_each_kind_has_what_it_needs(fields: dict[str, Any]) -> None:
    assert _channel(**fields) == {}


@pytest.mark.parametrize(
    ("fields", "place", "told"),
    [
        ({}, "kind", "must be one of"),
        ({"kind": "nfty", "topic": "a"}, "kind", "did you mean 'ntfy'"),
        ({"kind": "terminal"} | _SECRET, "secret_file", "terminal has no secret"),
        ({"kind": "ntfy"}, "topic", "is missing"),
        ({"kind": "ntfy", "topic": "a/b"}, "topic", "must be a topic"),
        ({"kind": "ntfy", "topic": "a", "url": "ftp://a"}, "url", "http or https"),
        ({"kind": "ntfy", "topic": "a", "url": "https://me:pw@a"}, "url", "carries a user or a password"),
        (
            {"kind": "webhook", "url": "https://a/?token=b"},
            "url",
            "a query or a fragment, where tokens stand; put the URL into a file",
        ),
        ({"kind": "ntfy", "topic": "a", "url": "https://a/#b"}, "url", "name that as secret_file"),
        ({"kind": "ntfy", "topic": "a", "url": "https://[a"}, "url", "http or https"),
        ({"kind": "slack"}, "secret_file", "the URL of an incoming webhook"),
        ({"kind": "slack", "url": "https://a"} | _SECRET, "url", "beside channel only"),
        ({"kind": "telegram", "chat_id": "ops"} | _SECRET, "chat_id", "the number of a chat"),
        ({"kind": "telegram"} | _SECRET, "chat_id", "is missing"),
        ({"kind": "telegram", "chat_id": True} | _SECRET, "chat_id", "must be a text"),
        ({"kind": "pagerduty"}, "secret_file", "the routing key"),
        ({"kind": "webhook"}, "url", "is missing, and a secret too"),
        ({"kind": "apprise"}, "secret_file", "the URL"),
        ({"kind": "apprise", "url": "https://a"} | _SECRET, "url", "is not known"),
        ({"kind": "terminal", "per_minute": 0}, "per_minute", "within 1 to 600"),
        ({"kind": "terminal", "severity": "bad"}, "severity", "one of info"),
        ({"kind": "terminal", "name": "a/b"}, "name", "must be letters"),
    ],
)
def test_each_kind_of_channel_is_checked(fields: dict[str, Any], place: str, told: str) -> None:
    assert told in _channel(**fields).get(place, "nothing")


def test_a_kind_that_nobody_knows_is_one_fault() -> None:
    assert set(_channel(kind="nfty", topic="a", secret_file="b")) == {"kind"}


def test_two_channels_of_a_kind_need_names() -> None:
    channels = [{"kind": "terminal"}, {"kind": "terminal"}]
    tables = {"route": {"receiver": "ops"}, "receiver": [{"name": "ops", "channel": channels}]}
    assert "ops/terminal is there already" in _faults_of(tables)["receiver/0/channel/1/name"]


def test_every_fault_is_told_at_once() -> None:
    text = '[route]\nreceiver="x"\ngroup_wait="soon"\n[[receiver]]\nname="9"\n[pulse]\nevery="1s"\n[other]\n'
    places = {"route/receiver", "route/group_wait", "receiver/0/name", "pulse/every", "pulse/secret_file", "other"}
    assert set(_faults_of(tomllib.loads(text))) == places


def test_a_tree_has_its_bounds() -> None:
    node: dict[str, Any] = {"matchers": ["a=b"]}
    for place in range(7):
        node = {"routes": [node], **({"matchers": [f"l{place}=x"]} if place < 6 else {"receiver": "ops"})}
    receivers = [{"name": "ops"}]
    assert _faults_of({"route": node, "receiver": receivers}) == {}
    deeper = {"receiver": "ops", "routes": [{**node, "receiver": "ops"}]}
    assert any("too deep" in told for told in _faults_of({"route": deeper, "receiver": receivers}).values())
    wide = {"receiver": "ops", "routes": [{"matchers": [f"host=h{place}"]} for place in range(499)]}
    assert _faults_of({"route": wide, "receiver": receivers}) == {}
    wide["routes"] = [{"matchers": [f"host=h{place}"]} for place in range(500)]
    assert "too many routes" in _faults_of({"route": wide, "receiver": receivers})["route"]
    long = {"receiver": "ops", "routes": [{"matchers": [f"l{place}={'x' * 200}" for place in range(6)]}]}
    assert (
        "characters with those above" in _faults_of({"route": long, "receiver": receivers})["route/routes/0/matchers"]
    )


_WORDS = [*dict.fromkeys(part for line in WHOLE.splitlines() for part in line.split(" = ")[:1] if part.isidentifier())]
_KEYS = st.sampled_from([*_WORDS, "route", "routes", "receiver", "channel", "rotation", "override", "span", "step"])
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["ops", "5s", "7d", "ntfy", "slack", "22:00", "mon", "Europe/Berlin", "2026-01-05T09:00"])
    | st.text(max_size=20)
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS | st.text(max_size=10), _VALUES, max_size=6))
def test_whatever_stands_in_a_file_it_is_notifications_or_faults(tables: dict[str, Any]) -> None:
    assert all(_faults_of(tables).values())


@given(
    st.sampled_from(["route", "receiver", "rotation", "escalation", "mute", "heartbeat", "pulse"]),
    st.dictionaries(_KEYS, _VALUES, max_size=6),
)
def test_whatever_stands_in_a_table_it_is_one_or_faults(key: str, fields: dict[str, Any]) -> None:
    tables = tomllib.loads(WHOLE)
    given_there = tables[key]
    tables[key] = {**given_there, **fields} if isinstance(given_there, dict) else [{**given_there[0], **fields}]
    assert all(_faults_of(tables).values())


def test_the_reference_names_every_key() -> None:
    page = (ROOT / "docs" / "reference" / "notify.md").read_text()
    keys = (*_WORDS, *(option for rules in KINDS.values() for option in rules.options))
    assert [key for key in keys if f"`{key}`" not in page and f"[{key}]" not in page] == []
    for kind, rules in KINDS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind}` |")]
        assert all(f"`{option}`" in row for option in rules.options)
        assert row.endswith(f"| {rules.per_minute} |")
